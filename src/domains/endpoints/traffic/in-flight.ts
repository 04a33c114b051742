/** How many requests a loaded version is answering, and when the last of them is done. */
export class InFlight {
  count = 0
  private readonly waiting: (() => void)[] = []

  enter(): void {
    this.count++
  }

  leave(): void {
    this.count--
    if (this.count > 0) return
    for (const wake of this.waiting.splice(0)) wake()
  }

  /** Resolves when nothing is being answered, or after so long all the same. */
  async drained(mostMs: number): Promise<void> {
    if (this.count === 0) return
    let timer: NodeJS.Timeout | undefined
    await Promise.race([
      new Promise<void>((resolve) => this.waiting.push(resolve)),
      new Promise<void>((resolve) => {
        timer = setTimeout(resolve, mostMs).unref()
      }),
    ])
    clearTimeout(timer)
  }
}
