import type { ConsentMethod, NoticeRef } from 'privity'
import type { Customer } from './data.ts'
import { say, table } from './print.ts'
import { type Someone, type Story, someone } from './story.ts'

/** What some customers of the story answer. */
interface Answer {
  readonly name: string
  readonly applies: (id: number) => boolean
  readonly channel: 'web' | 'paper'
  readonly says: 'yes' | 'no'
  readonly purposes: readonly ('marketing' | 'recommendations')[]
}

// By the shop's own id, so that every run tells the same story. The first that applies counts.
const ANSWERS: readonly Answer[] = [
  {
    name: 'yes to both, on the web',
    applies: (id) => id % 6 === 1,
    channel: 'web',
    says: 'yes',
    purposes: ['marketing', 'recommendations'],
  },
  {
    name: 'yes to the newsletter, on the web',
    applies: (id) => id % 3 === 1,
    channel: 'web',
    says: 'yes',
    purposes: ['marketing'],
  },
  {
    name: 'yes to the newsletter, on paper',
    applies: (id) => id % 5 === 2,
    channel: 'paper',
    says: 'yes',
    purposes: ['marketing'],
  },
  {
    name: 'no to the newsletter, on the web',
    applies: (id) => id % 6 === 5,
    channel: 'web',
    says: 'no',
    purposes: ['marketing'],
  },
]

const TEXTS = {
  en:
    'May we send you our newsletter by e-mail? May we look at what you bought to suggest music? ' +
    'Both are up to you, one without the other, and you can change your mind at any time.',
  fr:
    'Pouvons-nous vous envoyer notre lettre d’information par e-mail ? Pouvons-nous regarder vos ' +
    'achats pour vous suggérer de la musique ? C’est à vous de choisir, pour chacune, et vous ' +
    'pouvez changer d’avis à tout moment.',
}

/** Publishes the notice, shows it, and records what people answer; resolves to receipts by customer. */
export async function askCustomers(story: Story): Promise<ReadonlyMap<string, string>> {
  const { customers } = story.data
  const notice = await story.shop.privity.notices.publish({
    id: 'newsletter-and-suggestions',
    version: '2026-11',
    texts: TEXTS,
  })
  say(`notice ${notice.version} published in ${Object.keys(TEXTS).join(' and ')}`)
  const receipts = new Map<string, string>()
  await Promise.all(
    customers.map(async (customer) => {
      const receipt = await ask(story, await someone(story, customer.id), notice)
      if (receipt !== undefined) receipts.set(customer.id, receipt)
    }),
  )
  table([['answer', 'customers'], ...countAnswers(customers)])
  return receipts
}

/** Whether a customer of the story agrees to the newsletter. */
export function agrees(customer: Customer): boolean {
  return answerOf(customer)?.says === 'yes'
}

function answerOf({ id }: Customer): Answer | undefined {
  return ANSWERS.find(({ applies }) => applies(Number(id)))
}

function countAnswers(customers: readonly Customer[]): readonly (readonly [string, number])[] {
  const count = (answer: Answer | undefined): number =>
    customers.filter((customer) => answerOf(customer) === answer).length
  const given = ANSWERS.map((answer) => [answer.name, count(answer)] as const)
  return [...given, ['not asked', count(undefined)]]
}

async function ask(
  { shop, tally }: Story,
  customer: Someone,
  notice: NoticeRef,
): Promise<string | undefined> {
  const { consent } = shop.privity
  const answer = answerOf(customer)
  if (answer === undefined) return undefined
  const method = await methodOf({ shop }, { customer, answer, notice })
  const input = { purposes: answer.purposes, notice, method }
  if (answer.says === 'no') {
    await consent.refuse(customer.subjectId, input)
    return undefined
  }
  tally.consents += answer.purposes.length
  return (await consent.give(customer.subjectId, input)).receipt
}

interface Asking {
  readonly customer: Someone
  readonly answer: Answer
  readonly notice: NoticeRef
}

/** On the web the exact text was shown; paper says by itself what was read. */
async function methodOf(
  { shop }: Pick<Story, 'shop'>,
  { customer, answer, notice }: Asking,
): Promise<ConsentMethod> {
  if (answer.channel === 'paper') return { channel: 'paper', control: 'signed form' }
  const { subjectId, contact } = customer
  const speaksFrench = contact.country === 'FR' || contact.state === 'QC'
  const language = speaksFrench ? 'fr' : 'en'
  const { servedId } = await shop.privity.notices.serve(notice, { subjectId, language })
  return { channel: 'web', control: 'checkbox', servedId }
}
