import { BlockList, isIP } from 'node:net'

const subnets = (family: 'ipv4' | 'ipv6', list: string) => {
  const block = new BlockList()
  for (const subnet of list.split(' ')) {
    const [address, bits] = subnet.split('/') as [string, string]
    block.addSubnet(address, Number(bits), family)
  }
  return block
}

// IANA special-purpose registries (RFC 6890 and its updates): this machine, its networks, and what never leaves them.
const neverV4 = subnets(
  'ipv4',
  '0.0.0.0/8 127.0.0.0/8 169.254.0.0/16 100.64.0.0/10 192.0.0.0/24 192.0.2.0/24 192.88.99.0/24 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 224.0.0.0/4 240.0.0.0/4',
)
const privateV4 = subnets('ipv4', '10.0.0.0/8 172.16.0.0/12 192.168.0.0/16')
const publicV6 = subnets('ipv6', '2000::/3')
// Documentation, benchmarks, and the ranges in which another address is hidden (6to4, Teredo).
const neverV6 = subnets('ipv6', '2001::/23 2001:db8::/32 2002::/16 3fff::/20')
const privateV6 = subnets('ipv6', 'fc00::/7')

export type Reach = 'public' | 'private' | 'never'

/** Where an address leads. `private` is a local network, `never` this machine, its link, or no single place at all. Judged by its bytes, not its spelling. */
export function reachOf(address: string): Reach {
  const family = isIP(address)
  if (family === 4) return neverV4.check(address, 'ipv4') ? 'never' : privateV4.check(address, 'ipv4') ? 'private' : 'public'
  if (family !== 6) return 'never'
  const inner = mappedV4(address)
  if (inner) return reachOf(inner)
  if (privateV6.check(address, 'ipv6')) return 'private'
  return publicV6.check(address, 'ipv6') && !neverV6.check(address, 'ipv6') ? 'public' : 'never'
}

/** The IPv4 address inside ::ffff:a.b.c.d, however it is written. */
function mappedV4(address: string): string | null {
  const plain = new URL(`http://[${address.split('%', 1)[0]}]`).hostname
  const match = /^\[::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})\]$/.exec(plain)
  if (!match) return null
  const [high, low] = [Number.parseInt(match[1]!, 16), Number.parseInt(match[2]!, 16)]
  return [high >> 8, high & 255, low >> 8, low & 255].join('.')
}
