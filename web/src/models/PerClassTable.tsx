import { fixed, whole } from '../ui/format.ts'
import type { PerClass } from './evidence.ts'

const measures: [keyof PerClass & ('averagePrecision' | 'averagePrecision50' | 'iou'), string][] = [
  ['averagePrecision', 'AP'],
  ['averagePrecision50', 'AP at 0.5'],
  ['iou', 'IoU'],
]

/** `counted`: what the support counts. */
export function PerClassTable({ perClass, counted = 'Rows' }: { perClass: Record<string, PerClass>; counted?: string }) {
  const own = measures.filter(([name]) => Object.values(perClass).some((one) => one[name]))
  return (
    <div tabIndex={0} role="region" aria-label="Figures of each class" className="overflow-x-auto">
      <table className="w-full">
        <caption className="sr-only">Precision, recall and F1 of each class</caption>
        <thead className="text-sm text-faint">
          <tr>
            <th scope="col" className="border-b py-1.5 text-left font-medium">
              Class
            </th>
            {[...own.map(([, title]) => title), 'Precision', 'Recall', 'F1', counted].map((title) => (
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
              {own.map(([name]) => (
                <td key={name} className="num border-b px-3 py-1.5 text-right whitespace-nowrap">
                  {fixed(one[name]?.value ?? Number.NaN, 2)}{' '}
                  <span className="text-faint">
                    {fixed(one[name]?.low ?? Number.NaN, 2)}–{fixed(one[name]?.high ?? Number.NaN, 2)}
                  </span>
                </td>
              ))}
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
