import { BATCH_DRIVERS } from '../support/batch-clients.ts'
import { batchSuite } from '../support/batch-suite.ts'

batchSuite(BATCH_DRIVERS.D1)
