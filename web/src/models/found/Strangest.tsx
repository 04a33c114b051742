import { cell, short } from '../../ui/format.ts'
import { Section } from '../../ui/Page.tsx'
import type { StrangeRow } from './found-files.ts'

/** The rows with the highest scores, and the columns that make them so. */
export function Strangest({ rows, threshold }: { rows: readonly StrangeRow[]; threshold: number | null }) {
  return (
    <Section
      title="The strangest rows"
      note="Beside each, the columns whose usual value would lower its score most. Scores are of rows that were held out."
    >
      <div className="max-h-[32rem] overflow-auto">
        <table className="w-full text-sm">
          <thead className="sticky top-0 bg-raised text-left text-faint">
            <tr>
              <th scope="col" className="pr-3 font-normal">
                row
              </th>
              <th scope="col" className="pr-3 text-right font-normal">
                score
              </th>
              <th scope="col" className="font-normal">
                because of
              </th>
            </tr>
          </thead>
          <tbody>
            {rows.map((row) => (
              <tr key={row.row} className="border-t align-top">
                <td className="num py-1 pr-3">{row.row}</td>
                <td
                  className={`num py-1 pr-3 text-right ${threshold !== null && row.score >= threshold ? 'font-medium' : 'text-soft'}`}
                >
                  {short(row.score)}
                </td>
                <td className="py-1">
                  {row.why.length === 0
                    ? 'several columns together'
                    : row.why.map((one) => (
                        <span key={one.column} className="mr-3 inline-block">
                          {one.column} <span className="num font-medium">{cell(one.value)}</span>{' '}
                          <span className="text-faint">
                            (usual {cell(one.usual)}, −{short(one.drop, 2)})
                          </span>
                        </span>
                      ))}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </Section>
  )
}
