import { CLIENTS } from '../support/postgres-clients.ts'
import { postgresSuite } from '../support/postgres-suite.ts'

postgresSuite(CLIENTS['postgres.js'])
