import { cx } from '../ui/cx.ts'
import { percent, whole } from '../ui/format.ts'

/** Actual against predicted; each cell opens its rows. Share of the actual class as depth of colour and as number. */
export function ConfusionMatrix({
  classes,
  matrix,
  onOpen,
  why,
}: {
  classes: readonly string[]
  matrix: readonly (readonly number[])[]
  onOpen?: (actual: string, predicted: string) => void
  why?: string
}) {
  const many = classes.length > 6
  return (
    <div className="overflow-x-auto">
      <table className="border-separate border-spacing-1">
        <caption className="sr-only">Confusion matrix: rows are the actual class, columns the predicted one</caption>
        <thead>
          <tr>
            <td />
            <th scope="colgroup" colSpan={classes.length} className="pb-0.5 text-xs font-medium text-faint">
              predicted
            </th>
          </tr>
          <tr>
            <th scope="col" className="text-left text-xs font-medium text-faint">
              actual
            </th>
            {classes.map((name) => (
              <th key={name} scope="col" className="max-w-28 truncate px-1 text-sm font-medium">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {matrix.map((row, y) => {
            const total = row.reduce((sum, count) => sum + count, 0)
            const actual = classes[y] ?? ''
            return (
              <tr key={actual}>
                <th scope="row" className="max-w-28 truncate pr-2 text-left text-sm font-medium">
                  {actual}
                </th>
                {row.map((count, x) => {
                  const predicted = classes[x] ?? ''
                  const share = total ? count / total : 0
                  const right = x === y
                  return (
                    <td key={predicted} className="p-0">
                      <button
                        type="button"
                        disabled={!onOpen || count === 0}
                        title={why ?? (count ? `Open the rows that are ${actual} and were called ${predicted}` : undefined)}
                        onClick={() => onOpen?.(actual, predicted)}
                        className={cx(
                          'relative block overflow-hidden rounded-md border text-center',
                          many ? 'h-12 w-16' : 'h-18 w-30',
                          right ? 'border-good/30' : 'border-bad/30',
                          onOpen && count > 0 && 'hover:border-ink',
                        )}
                      >
                        <span
                          aria-hidden="true"
                          className={cx('absolute inset-0', right ? 'bg-good' : 'bg-bad')}
                          style={{ opacity: 0.06 + share * 0.28 }}
                        />
                        <span className="sr-only">
                          actual {actual}, predicted {predicted}:{' '}
                        </span>
                        <span className={cx('num relative block', many ? 'text-sm' : 'text-lg font-semibold')}>
                          {whole(count)}
                        </span>
                        <span className="sr-only"> rows, </span>
                        <span className="num relative block text-xs">{percent(share)}</span>
                        <span className="sr-only"> of {actual}</span>
                      </button>
                    </td>
                  )
                })}
              </tr>
            )
          })}
        </tbody>
      </table>
    </div>
  )
}
