/** What is left of Markdown that somebody wrote: text and its structure. No scripts, no styles, nothing that the page would fetch by itself. */
export const markdownRules = {
  FORBID_TAGS: ['style', 'img', 'iframe', 'form', 'input', 'video', 'audio', 'object', 'embed', 'svg', 'math'],
  FORBID_ATTR: ['style', 'class', 'id'],
  ALLOWED_URI_REGEXP: /^(?:https?:|mailto:|#|\/(?!\/))/i,
}
