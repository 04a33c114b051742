const words: Record<string, string> = {
  train: 'train',
  training: 'train',
  val: 'validation',
  valid: 'validation',
  validation: 'validation',
  dev: 'validation',
  test: 'test',
  testing: 'test',
  eval: 'test',
}

/** What a folder called "train", "val" or "test" says of the items in it; null for other names. */
export const partOf = (folder: string): string | null =>
  words[folder.toLowerCase().replace(/[-_ ]?(set|data|images?)$/, '')] ?? null
