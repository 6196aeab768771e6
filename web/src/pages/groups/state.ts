// How a group stands, in words; by the names that Kafka has for it.

const WORDS: Record<string, { mark: string; word: string; good: boolean }> = {
  Stable: { mark: '▶', word: 'reads', good: true },
  Empty: { mark: '○', word: 'nobody is in it', good: false },
  PreparingRebalance: { mark: '○', word: 'waits for its members', good: false },
  CompletingRebalance: { mark: '○', word: 'shares partitions out', good: false },
  Assigning: { mark: '○', word: 'shares partitions out', good: false },
  Reconciling: { mark: '○', word: 'hands partitions over', good: false },
  Dead: { mark: '✕', word: 'is gone', good: false },
};

/** A state that is not known here is told as it is. */
export function state_words(state: string): { mark: string; word: string; good: boolean } {
  return WORDS[state] ?? { mark: '○', word: state, good: false };
}

/** Who assigns the partitions. */
export function protocol_words(protocol: string): string {
  return { classic: 'classic, a member assigns', consumer: 'consumer, the broker assigns' }[protocol] ?? (protocol || '–');
}
