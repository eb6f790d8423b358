import { DRIVERS } from '../support/sqlite-drivers.ts'
import { sqliteSuite } from '../support/sqlite-suite.ts'

sqliteSuite(DRIVERS['node:sqlite'])
