/** Colours of series, each with its own dash so that they are told apart without colour. */
export const seriesColours = [
  'var(--color-s1)',
  'var(--color-s2)',
  'var(--color-s3)',
  'var(--color-s4)',
  'var(--color-s5)',
  'var(--color-s6)',
] as const
export const seriesDashes = ['', '6 3', '2 3', '8 3 2 3', '1 3', '10 4'] as const

export const colourOf = (index: number): string => seriesColours[index % seriesColours.length] ?? seriesColours[0]
export const dashOf = (index: number): string => seriesDashes[index % seriesDashes.length] ?? ''

/** A CSS colour as the page shows it now, for canvases. */
export function resolved(colour: string): string {
  const probe = document.createElement('span')
  probe.style.color = colour
  document.body.append(probe)
  const value = getComputedStyle(probe).color
  probe.remove()
  return value
}
