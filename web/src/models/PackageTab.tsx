import type { Model, ModelVersion, VersionDetails } from '@atoll/sdk'
import { TypeMark } from '../datasets/column-type.tsx'
import { Reasons } from '../recipes/Reasons.tsx'
import { buttonClass } from '../ui/Button.tsx'
import { CodeBlock, Copyable } from '../ui/CopyButton.tsx'
import { bytes, cell, count, short } from '../ui/format.ts'
import { Section } from '../ui/Page.tsx'

interface FittedStep {
  step: string
  name?: string
  expression?: string
  columns?: unknown
}

/** "derive total_charge", "one hot of area_code, state". */
function stepWords({ step, name, columns }: FittedStep): string {
  const words = step.replaceAll('_', ' ')
  if (typeof name === 'string') return `${words} ${name}`
  if (!Array.isArray(columns) || columns.length === 0) return words
  return `${words} of ${columns.slice(0, 6).join(', ')}${columns.length > 6 ? ` and ${columns.length - 6} more` : ''}`
}

/** What the model takes and gives, how it was prepared, and the files it consists of. */
export function PackageTab({ model, version, details }: { model: Model; version: ModelVersion; details: VersionDetails }) {
  const { signature, manifest } = version
  const recipe = details.recipe as { steps?: FittedStep[]; reasons?: string[] }
  return (
    <div className="space-y-6">
      <Section
        title="Takes"
        note={`${count(signature.inputs.length, 'raw column')}; gives ${signature.classes ? `one of ${signature.classes.join(', ')}` : `a number${signature.target ? `, ${signature.target}` : ''}`}`}
      >
        <div tabIndex={0} role="region" aria-label="Columns of the signature" className="max-h-96 overflow-auto">
          <table className="w-full">
            <caption className="sr-only">Inputs of the model</caption>
            <thead className="text-left text-sm text-faint">
              <tr>
                {['Column', 'Range or values seen', 'May be missing', 'Example'].map((title) => (
                  <th key={title} scope="col" className="sticky top-0 border-b bg-surface py-1.5 pr-3 font-medium">
                    {title}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {signature.inputs.map((input) => (
                <tr key={input.name}>
                  <th scope="row" className="border-b py-1 pr-3 text-left font-medium whitespace-nowrap">
                    <TypeMark type={input.type as 'number'} /> {input.name}
                  </th>
                  <td className="max-w-96 truncate border-b py-1 pr-3 text-soft">
                    {input.min != null && input.max != null ? (
                      <span className="num">{`${short(input.min)} to ${short(input.max)}`}</span>
                    ) : (
                      (input.categories?.slice(0, 12).join(', ') ?? '')
                    )}
                    {input.categories && input.categories.length > 12 && ` and ${input.categories.length - 12} more`}
                  </td>
                  <td className="border-b py-1 pr-3">{input.nullable ? 'yes' : 'no'}</td>
                  <td className="num border-b py-1">{cell(input.example)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      </Section>
      <div className="grid gap-6 lg:grid-cols-2">
        <Section title="Preparation">
          <ol className="list-decimal space-y-0.5 pl-5">
            {recipe.steps?.map((step, at) => (
              <li key={at}>{stepWords(step)}</li>
            ))}
          </ol>
          <div className="mt-3">
            <Reasons reasons={recipe.reasons ?? []} />
          </div>
        </Section>
        <Section
          title="Files"
          note={`${manifest.kind === 'onnx' ? 'ONNX' : manifest.kind}, ${manifest.trust} here`}
          actions={
            <a className={buttonClass('plain', 'sm')} download href={`/v1/models/${model.id}/versions/${version.number}/package`}>
              Download all
            </a>
          }
        >
          <ul className="space-y-1">
            {[...manifest.files, ...manifest.sandboxOnly].map((file) => (
              <li key={file.path} className="flex flex-wrap items-center gap-x-3">
                {manifest.sandboxOnly.includes(file) ? (
                  <span title="Only a sandboxed job may load it">{file.path}</span>
                ) : (
                  <a
                    className="link"
                    download
                    href={`/v1/models/${model.id}/versions/${version.number}/files/${encodeURIComponent(file.path)}`}
                  >
                    {file.path}
                  </a>
                )}
                <span className="num text-sm text-faint">{bytes(file.sizeBytes)}</span>
                <Copyable text={file.sha256} shown={file.sha256.slice(0, 12)} />
              </li>
            ))}
          </ul>
        </Section>
      </div>
      <Section title="Recipe as fitted">
        <CodeBlock label="the recipe" code={JSON.stringify(details.recipe, null, 2)} />
      </Section>
    </div>
  )
}
