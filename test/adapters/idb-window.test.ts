import { browserSuite } from '../support/browser/store-suite.ts'

browserSuite('window')
