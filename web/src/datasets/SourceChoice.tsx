import type { Source } from '@atoll/sdk'
import { useQuery } from '@tanstack/react-query'
import { useEffect, useState } from 'react'
import { atoll } from '../api.ts'
import { Button } from '../ui/Button.tsx'
import { TextField } from '../ui/Field.tsx'
import { DropZone } from './DropZone.tsx'
import { onOffered, takeOffered } from './offered-file.ts'
import { UploadProgress } from './UploadProgress.tsx'
import { useUpload } from './use-upload.ts'

/** Where the bytes come from: a file from this computer, or one in a folder of the server that an administrator allowed. */
export function SourceChoice({
  onSource,
  ...zone
}: {
  onSource: (source: Source, filename: string) => void
  title?: string
  note?: string
  small?: boolean
}) {
  const upload = useUpload()
  const settings = useQuery({ queryKey: ['settings'], queryFn: () => atoll.settings.get() })
  const [path, setPath] = useState('')
  const { state } = upload
  // A file dropped elsewhere is taken once, on arrival.
  useEffect(() => {
    const take = () => {
      const file = takeOffered()
      if (file) upload.start(file)
    }
    take()
    return onOffered(take)
  }, [])
  const done = state?.done
  // Told once, when the upload is complete.
  useEffect(() => {
    if (done) onSource({ upload: done.id }, done.filename)
  }, [done])
  if (state && !state.done)
    return <UploadProgress state={state} onPause={upload.pause} onResume={upload.resume} onCancel={upload.cancel} />
  const folders = settings.data?.importFolders ?? []
  return (
    <div className="space-y-4">
      <DropZone onFile={upload.start} {...zone} />
      {folders.length > 0 && (
        <form
          className="flex items-end gap-2"
          onSubmit={(event) => {
            event.preventDefault()
            onSource({ serverPath: path.trim() }, path.trim().split('/').pop() ?? path)
          }}
        >
          <TextField
            wrap="flex-1"
            label="Or a file on the server"
            hint={`Allowed folders: ${folders.join(', ')}`}
            placeholder={`${folders[0]}/…`}
            value={path}
            onChange={(event) => setPath(event.target.value)}
          />
          <Button type="submit" disabled={!path.trim()} className="mb-5">
            Read it
          </Button>
        </form>
      )}
    </div>
  )
}
