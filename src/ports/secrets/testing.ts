import type { Metadata } from '../metadata/metadata.ts'
import { newSecretKey } from './cipher.ts'
import { givenKeys } from './keys.ts'
import { type SealedSecrets, sealedSecrets } from './sealed.ts'

/** For tests: secrets under a key of their own. */
export const testSecrets = (metadata: Metadata): SealedSecrets => sealedSecrets({ metadata, keys: givenKeys(newSecretKey()) })
