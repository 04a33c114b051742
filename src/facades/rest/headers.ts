/** For replies that are data: never shown as a page, never kept, never embedded. */
export const dataHeaders: Record<string, string> = {
  'x-content-type-options': 'nosniff',
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'; sandbox",
  'cross-origin-resource-policy': 'same-origin',
}

/** For our own pages: only our own scripts, no plug-ins, no frames, nothing sent elsewhere. */
export const pageHeaders: Record<string, string> = {
  'x-content-type-options': 'nosniff',
  'content-security-policy': [
    "default-src 'self'",
    "script-src 'self'",
    // Component libraries set measured sizes and positions as inline styles.
    "style-src 'self' 'unsafe-inline'",
    "img-src 'self' data: blob:",
    "media-src 'self' blob:",
    "connect-src 'self'",
    "worker-src 'self' blob:",
    "object-src 'none'",
    "base-uri 'none'",
    "form-action 'self'",
    "frame-ancestors 'none'",
  ].join('; '),
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), microphone=(), geolocation=(), payment=()',
  'x-dns-prefetch-control': 'off',
}

/** Where the server is reached by https, browsers shall not try http again. */
export const strictTransport = { 'strict-transport-security': 'max-age=31536000' }

/** A name from a user as the file name of a download: no quotes, controls or separators can leave the header value. */
export function attachment(filename: string): string {
  const plain = filename.replace(/[^\x20-\x7e]|["\\/%;]/g, '_').slice(0, 150)
  const exact = encodeURIComponent(filename.slice(0, 150).toWellFormed()).replace(
    /['()*]/g,
    (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`,
  )
  return `attachment; filename="${plain}"; filename*=UTF-8''${exact}`
}
