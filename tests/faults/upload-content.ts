/** What the upload of the fault tests sends, each byte telling its place. */
export const id = 'upl_1'
export const content = Buffer.from(Array.from({ length: 20_000 }, (_, at) => `${at};`).join(''))
