import { fixed, whole } from '../ui/format.ts'
import type { PerClass } from './evidence.ts'

export function PerClassTable({ perClass }: { perClass: Record<string, PerClass> }) {
  return (
    <div className="overflow-x-auto">
      <table className="w-full">
        <caption className="sr-only">Precision, recall and F1 of each class</caption>
        <thead className="text-sm text-faint">
          <tr>
            <th scope="col" className="border-b py-1.5 text-left font-medium">
              Class
            </th>
            {['Precision', 'Recall', 'F1', 'Rows'].map((title) => (
              <th key={title} scope="col" className="border-b px-3 py-1.5 text-right font-medium">
                {title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {Object.entries(perClass).map(([name, one]) => (
            <tr key={name}>
              <th scope="row" className="border-b py-1.5 text-left font-normal">
                {name}
              </th>
              {[one.precision, one.recall, one.f1].map((value, at) => (
                <td key={at} className="num border-b px-3 py-1.5 text-right">
                  {fixed(value, 2)}
                </td>
              ))}
              <td className="num border-b px-3 py-1.5 text-right">{whole(one.support)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}
