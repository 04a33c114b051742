import { short } from '../ui/format.ts'
import { extent } from './extent.ts'
import type { Series } from './SeriesChart.tsx'
import { linear, padded } from './scale.ts'
import { colourOf, dashOf, resolved } from './series.ts'

const escaped = (text: string) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;')

/** Series as an SVG file, for those whose picture on the page is a canvas. */
export function seriesSvg(
  series: readonly Series[],
  { title, width, height }: { title: string; width: number; height: number },
): string {
  const ink = resolved('var(--color-ink)')
  const x = linear(extent(series.flatMap((one) => [...one.x])), [60, width - 20])
  const y = linear(padded(series.flatMap((one) => [...one.y])), [height - 60, 40], { nice: true })
  const grid = y.ticks
    .map(
      (tick) =>
        `<line x1="60" x2="${width - 20}" y1="${y(tick)}" y2="${y(tick)}" stroke="${resolved('var(--color-line)')}"/><text x="52" y="${y(tick) + 4}" text-anchor="end">${short(tick)}</text>`,
    )
    .join('')
  const ticks = x.ticks
    .map((tick) => `<text x="${x(tick)}" y="${height - 40}" text-anchor="middle">${short(tick)}</text>`)
    .join('')
  const lines = series
    .map((one, at) => {
      const points = one.x.flatMap((value, index) =>
        one.y[index] == null ? [] : [`${x(value).toFixed(1)},${y(one.y[index] as number).toFixed(1)}`],
      )
      const colour = resolved(colourOf(one.colour ?? at))
      const legend = `<text x="${70 + (at % 4) * 180}" y="${height - 18 + Math.floor(at / 4) * 14}" fill="${colour}">${escaped(one.label)}</text>`
      return `<polyline fill="none" stroke="${colour}" stroke-width="1.8" stroke-dasharray="${dashOf(one.colour ?? at)}" points="${points.join(' ')}"/>${legend}`
    })
    .join('')
  const background = getComputedStyle(document.body).backgroundColor
  return `<?xml version="1.0" encoding="UTF-8"?>\n<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" font-family="sans-serif" font-size="12" fill="${ink}"><rect width="100%" height="100%" fill="${background}"/><text x="60" y="24" font-size="14">${escaped(title)}</text>${grid}${ticks}${lines}</svg>`
}
