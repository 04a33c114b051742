import { useSearch } from '@tanstack/react-router'
import { useUser } from '../session/session.ts'
import { Page } from '../ui/Page.tsx'
import { Tabs, tabOf } from '../ui/Tabs.tsx'
import { AccountTab } from './AccountTab.tsx'
import { AuditTab } from './AuditTab.tsx'
import { BinTab } from './BinTab.tsx'
import { PeopleTab } from './PeopleTab.tsx'
import { PlatformTab } from './PlatformTab.tsx'
import { PoliciesTab } from './PoliciesTab.tsx'
import { ProjectTab } from './ProjectTab.tsx'
import { TeamsTab } from './TeamsTab.tsx'
import { TokensTab } from './TokensTab.tsx'

const tabs = [
  { id: 'account', title: 'Account' },
  { id: 'tokens', title: 'Tokens' },
  { id: 'project', title: 'Project' },
  { id: 'fairness', title: 'Fairness policies' },
  { id: 'bin', title: 'Bin' },
  { id: 'people', title: 'People' },
  { id: 'teams', title: 'Teams' },
  { id: 'platform', title: 'Platform' },
  { id: 'audit', title: 'Audit', admin: true },
]

export function SettingsPage() {
  const user = useUser()
  const shown = tabs.filter((tab) => !tab.admin || user.isPlatformAdmin)
  const tab = tabOf(shown, useSearch({ strict: false }).tab)
  return (
    <Page title="Settings">
      <Tabs tabs={shown} current={tab} label="Settings" />
      {tab === 'account' && <AccountTab />}
      {tab === 'tokens' && <TokensTab />}
      {tab === 'project' && <ProjectTab />}
      {tab === 'fairness' && <PoliciesTab />}
      {tab === 'bin' && <BinTab />}
      {tab === 'people' && <PeopleTab />}
      {tab === 'teams' && <TeamsTab />}
      {tab === 'platform' && <PlatformTab />}
      {tab === 'audit' && <AuditTab />}
    </Page>
  )
}
