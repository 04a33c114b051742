/** One raw column that a model's graph reads (docs/job-contract.md, "Raw inputs of a model graph"). */
export interface SignatureColumn {
  name: string
  type: string
  tensor: 'numbers' | 'strings'
  index: number
  nullable: boolean
  min?: number | null
  max?: number | null
  categories?: string[] | null
  categoriesTruncated?: boolean
}

/** What a package says of its inputs and outputs: the part of signature.json that serving reads. */
export interface ModelSignature {
  task: string
  classes: string[] | null
  positive: string | null
  threshold: number | null
  inputs: SignatureColumn[]
}

export interface ModelShape {
  numberColumns: number
  stringColumns: number
  /** Values per row of the output: classes, or 1 for a regression. */
  width: number
}

/** The tensor widths that a signature implies. */
export function shapeOf(signature: ModelSignature): ModelShape {
  return {
    numberColumns: signature.inputs.filter((input) => input.tensor === 'numbers').length,
    stringColumns: signature.inputs.filter((input) => input.tensor === 'strings').length,
    width: signature.task === 'regression' ? 1 : (signature.classes?.length ?? 0),
  }
}
