/**
 * Retry rule, HTTP status and message template of every code. `{name}` stands for a detail, and only for one that is a
 * number, a word of ours or a name that the policy declares; what could not be one shows as `?`.
 */
export const ERROR_TRAITS = {
  invalid_input: {
    retryable: false,
    status: 400,
    message:
      'The input was refused: {issues}. Correct what details.issues lists; docs/errors.md explains each code.',
  },
  not_declared: {
    retryable: false,
    status: 400,
    message:
      'No {kind} of this name is declared (known: {declared}). Use one that is, or add it to the policy.',
  },
  not_permitted: {
    retryable: false,
    status: 403,
    message:
      "Not permitted for purpose '{purpose}': {reasons}. Ask may() before acting; docs/errors.md explains each.",
  },
  not_found: {
    retryable: false,
    status: 404,
    message:
      'No such {kind} here. Check where the id comes from; register a person, and create a record, before using either.',
  },
  erased: {
    retryable: false,
    status: 410,
    message:
      'This person was erased. Remove the id from your own tables; register again to start anew.',
  },
  suppressed: {
    retryable: false,
    status: 409,
    message:
      'The person of this id was erased. Use subjects.reauthorise() only if the person asked to be registered again.',
  },
  already_exists: {
    retryable: false,
    status: 409,
    message:
      'This {kind} is there already. Use update() for a record and find() for a subject; publish a notice as another version, and give a unique value to one record only.',
  },
  incomplete_record: {
    retryable: false,
    status: 409,
    message:
      'The record lacks required fields ({fields}), erased or never written. Use select() to leave them out, or write them again.',
  },
  policy_outdated: {
    retryable: false,
    status: 503,
    message:
      'The store was written under a newer policy than this process has. Deploy it here before writing.',
  },
  invalid_transition: {
    retryable: false,
    status: 409,
    message:
      'This step is not possible in the present state. Read it again, and choose a step that details.from allows.',
  },
  erasure_incomplete: {
    retryable: true,
    status: 500,
    message:
      'The erasure is not complete. Repair what details.failing names, call retry() for what waits, then resume() with details.erasureId.',
  },
  replay_required: {
    retryable: false,
    status: 503,
    message:
      'The store is an older copy and lacks {behind} erasure(s) of the journal. Call erasure.replay(), then open it again.',
  },
  journal_diverged: {
    retryable: false,
    status: 500,
    message:
      'Journal and store contradict each other after entry {seq}. Stop writing, keep both for inspection, and find the journal of the store.',
  },
  key_unknown: {
    retryable: false,
    status: 500,
    message:
      'There is no such key here. Check that this process uses the provider, and the key store, that the store was made with.',
  },
  key_unreadable: {
    retryable: false,
    status: 500,
    message:
      'The key cannot be opened with the key material given. Check the secret, and that the store is no copy from before keys.retire().',
  },
  key_unavailable: {
    retryable: true,
    status: 503,
    message:
      'The key is not available to this process now. Check that the provider answers and that this process was given the class, then repeat the call.',
  },
  key_in_use: {
    retryable: false,
    status: 409,
    message: 'The epoch is in use. Run keys.rotate() and keys.rewrap(), then retire it again.',
  },
  decryption_failed: {
    retryable: false,
    status: 500,
    message:
      'The sealed bytes were altered or moved. Run ledger.verify() to find what else changed, and restore from a backup.',
  },
  unsupported_format: {
    retryable: false,
    status: 500,
    message:
      'The bytes have a format that this version cannot read. Install the version that wrote them, or a newer one.',
  },
  ledger_inconsistent: {
    retryable: false,
    status: 500,
    message:
      'The log contradicts itself or an earlier checkpoint. Stop writing, keep the store as it is for inspection, and run ledger.verify().',
  },
  not_supported: {
    retryable: false,
    status: 501,
    message:
      'This is not supported here. Choose a key provider, store or runtime that has what details.what names.',
  },
  write_conflict: {
    retryable: true,
    status: 409,
    message:
      'Other writers came first in {attempts} attempt(s), and nothing was written. Read again, then repeat the call.',
  },
  outcome_unknown: {
    retryable: true,
    status: 503,
    message:
      'The write may have been applied. Repeat the call with the same operationId; if it takes none, look first.',
  },
  store_unavailable: {
    retryable: true,
    status: 503,
    message:
      'The {store} did not answer ({reason}), and nothing was written. Check its connection, then repeat the call.',
  },
  store_full: {
    retryable: false,
    status: 507,
    message:
      'The {store} has no room left ({reason}), and nothing was written. Free or add space, then repeat.',
  },
  store_closed: {
    retryable: false,
    status: 503,
    message:
      'The {store} is closed ({reason}), and nothing was written. Open it again before using it.',
  },
  store_corrupt: {
    retryable: false,
    status: 500,
    message:
      'The {store} reports damaged data ({reason}). Stop writing, keep a copy for inspection, and restore from a backup.',
  },
} as const
