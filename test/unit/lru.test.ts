import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type LruLinks, LruList } from '../../core/eviction/lru';

class Node implements LruLinks<Node> {
  older: Node | undefined;
  newer: Node | undefined;
  readonly name: number;

  constructor(name: number) {
    this.name = name;
  }
}

function namesOldestFirst(list: LruList<Node>): readonly number[] {
  const names: number[] = [];
  for (let node = list.oldest; node !== undefined; node = node.newer) names.push(node.name);
  return names;
}

function namesNewestFirst(list: LruList<Node>): readonly number[] {
  const names: number[] = [];
  for (let node = list.newest; node !== undefined; node = node.older) names.push(node.name);
  return names;
}

describe('A list by last use', () => {
  it('is empty at first and after a clear', () => {
    const list = new LruList<Node>();
    expect([list.oldest, list.newest]).toEqual([undefined, undefined]);
    list.insert(new Node(1));
    list.clear();
    expect([list.oldest, list.newest]).toEqual([undefined, undefined]);
  });

  it('has one node at both ends when there is but one', () => {
    const list = new LruList<Node>();
    const only = new Node(1);
    list.insert(only);
    list.touch(only);
    expect([list.oldest, list.newest]).toEqual([only, only]);
    list.remove(only);
    expect([list.oldest, list.newest]).toEqual([undefined, undefined]);
  });

  it('lets go of the neighbours of a node it removes', () => {
    const list = new LruList<Node>();
    const [a, b, c] = [new Node(1), new Node(2), new Node(3)];
    for (const node of [a, b, c]) list.insert(node);
    list.remove(b);
    expect([b.older, b.newer]).toEqual([undefined, undefined]);
    expect(a.newer).toBe(c);
    expect(c.older).toBe(a);
  });

  it('keeps the order an array would, read from either end', () => {
    const action = fc.tuple(fc.constantFrom('insert', 'touch', 'remove'), fc.nat());
    fc.assert(
      fc.property(fc.array(action, { maxLength: 200 }), (actions) => {
        const list = new LruList<Node>();
        let model: Node[] = [];
        for (const [index, [kind, pick]] of actions.entries()) {
          const chosen = model[pick % Math.max(1, model.length)];
          if (kind === 'insert' || chosen === undefined) {
            const node = new Node(index);
            list.insert(node);
            model.push(node);
          } else {
            model = model.filter((node) => node !== chosen);
            if (kind === 'touch') model.push(chosen);
            if (kind === 'touch') list.touch(chosen);
            else list.remove(chosen);
          }
          const names = model.map((node) => node.name);
          expect(namesOldestFirst(list)).toEqual(names);
          expect(namesNewestFirst(list)).toEqual(names.reverse());
        }
      }),
      { seed: 5, numRuns: 100 },
    );
  });
});
