import { fullSuite } from '../support/browser/store-suite.ts'

fullSuite()
