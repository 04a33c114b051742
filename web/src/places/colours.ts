/** Colours of classes over pictures: light enough to be seen on any, with a dark edge beside them. */
const colours: readonly (readonly [number, number, number])[] = [
  [255, 212, 0],
  [0, 163, 255],
  [255, 84, 112],
  [46, 204, 113],
  [186, 104, 255],
  [255, 145, 0],
  [0, 209, 209],
  [255, 130, 220],
]

export const colourOf = (index: number): readonly [number, number, number] =>
  colours[((index % colours.length) + colours.length) % colours.length]!

export const cssColour = (index: number): string => `rgb(${colourOf(index).join(' ')})`
