/** The phrases to replay, from the files whose licences are described in phrases/README.md. */
import assistant from './phrases/assistant.ccby4.txt?raw';
import everyday from './phrases/interface.cc0.txt?raw';
import sentences from './phrases/sentences.cc0.txt?raw';

/** Every phrase once, in the order of the files. */
export const PHRASE_BOOK: readonly string[] = [...new Set([everyday, assistant, sentences].flatMap(phrasesIn))];

/** The sentences alone, as a small book. */
export const BOOK: readonly string[] = phrasesIn(sentences);

function phrasesIn(file: string): string[] {
  return file.split('\n').filter(isPhrase);
}

function isPhrase(line: string): boolean {
  return line.trim() !== '' && !line.startsWith('#');
}
