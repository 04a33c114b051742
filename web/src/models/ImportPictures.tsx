import type { ImportInput } from '@atoll/sdk'
import { SelectField, TextField } from '../ui/Field.tsx'

/** What a person says of a graph or program that is not asked with rows; empty is left to the file. */
export interface PicturesSaid {
  takes: string
  sizes: string
  size: string
  scale: string
  mean: string
  std: string
}

export const noPictures: PicturesSaid = { takes: '', sizes: '', size: '', scale: '', mean: '', std: '' }

const numbers = (text: string): number[] | undefined => (text.trim() === '' ? undefined : text.split(/[,x]/).map(Number))

/** The same as the API takes it. */
export function picturesOf({
  takes,
  sizes,
  size,
  scale,
  mean,
  std,
}: PicturesSaid): Pick<ImportInput, 'takes' | 'sizes' | 'image'> {
  const [height, width = height] = numbers(size) ?? []
  const image = {
    size: height === undefined ? undefined : ([height, width] as [number, number]),
    scale: numbers(scale)?.[0],
    mean: numbers(mean),
    std: numbers(std),
  }
  return {
    takes: (takes || undefined) as ImportInput['takes'],
    sizes: numbers(sizes),
    ...(takes !== 'tensor' && Object.values(image).some((one) => one !== undefined) && { image }),
  }
}

/** What the input of a graph is, and how pictures become its numbers: shown where that is asked. */
export function ImportPictures({
  said,
  why,
  isAsked,
  onChange,
}: {
  said: PicturesSaid
  why(field: string): string | undefined
  isAsked: boolean
  onChange(said: PicturesSaid, isDone: boolean): void
}) {
  const field = (name: Exclude<keyof PicturesSaid, 'takes'>, missing?: string) => ({
    value: said[name],
    onChange: (event: { target: { value: string } }) => onChange({ ...said, [name]: event.target.value }, false),
    onBlur: () => onChange(said, true),
    error: (isAsked && missing && why(missing)) || undefined,
  })
  return (
    <>
      <SelectField
        label="It is given"
        hint={why('takes')}
        error={(isAsked && why('takes')) || undefined}
        value={said.takes}
        choices={[
          { value: '', label: 'as its input shows' },
          { value: 'rows', label: 'rows of columns' },
          { value: 'image', label: 'pictures' },
          { value: 'tensor', label: 'tensors of numbers' },
        ]}
        onChange={(takes) => onChange({ ...said, takes }, true)}
      />
      {(why('sizes') || said.sizes) && (
        <TextField label="Sizes that it leaves free" hint={why('sizes')} placeholder="128, 3" {...field('sizes', 'sizes')} />
      )}
      {(said.takes === 'image' || why('image-size') || why('image-scale')) && (
        <div className="grid gap-4 sm:grid-cols-2">
          <TextField
            label="Height and width"
            hint={why('image-size') ?? 'Where it leaves them free: 224, or 224 x 320'}
            {...field('size', 'image-size')}
          />
          <TextField
            label="Pixels are multiplied by"
            hint={why('image-scale') ?? '1/255 where mean or std are said'}
            placeholder="0.00392157"
            {...field('scale', 'image-scale')}
          />
          <TextField label="Mean by colour" placeholder="0.485, 0.456, 0.406" {...field('mean')} />
          <TextField label="Standard deviation by colour" placeholder="0.229, 0.224, 0.225" {...field('std')} />
        </div>
      )}
    </>
  )
}
