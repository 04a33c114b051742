import type { PagedList } from '../api.ts'
import { DataTable, type DataTableProps } from './DataTable.tsx'

type Paged = 'rows' | 'loading' | 'error' | 'retry' | 'hasMore' | 'loadMore' | 'loadingMore'

/** A table of things that come page by page. */
export function PagedTable<Row extends { id: string }>({
  list,
  ...rest
}: { list: PagedList<Row> } & Omit<DataTableProps<Row>, Paged | 'keyOf'>) {
  const { rows, loading, error, retry, hasMore, loadMore, loadingMore } = list
  return <DataTable keyOf={(row) => row.id} {...{ rows, loading, error, retry, hasMore, loadMore, loadingMore }} {...rest} />
}
