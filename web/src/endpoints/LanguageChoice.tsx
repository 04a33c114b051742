import { Link } from '@tanstack/react-router'
import { useProjectRef } from '../app/project.ts'
import { Segmented } from '../ui/Field.tsx'

const languages = [
  { value: 'curl', label: 'curl' },
  { value: 'typescript', label: 'TypeScript' },
  { value: 'python', label: 'Python' },
] as const
const withCommandLine = [...languages, { value: 'cli', label: 'CLI' }] as const

type Program = (typeof languages)[number]['value']

type LanguageChoiceProps =
  | { value: Program; onChange: (language: Program) => void; withCli?: false }
  | { value: Program | 'cli'; onChange: (language: Program | 'cli') => void; withCli: true }

/** In which language an example is shown. */
export function LanguageChoice(props: LanguageChoiceProps) {
  return props.withCli ? (
    <Segmented label="Language" size="sm" value={props.value} onChange={props.onChange} choices={withCommandLine} />
  ) : (
    <Segmented label="Language" size="sm" value={props.value} onChange={props.onChange} choices={languages} />
  )
}

/** Where the token comes from that examples need. */
export function TokenLink() {
  return (
    <Link to="/p/$project/settings" params={{ project: useProjectRef() }} search={{ tab: 'tokens' }} className="link">
      Make a token
    </Link>
  )
}
