/**
 * Least recently used first, as a doubly linked list through the nodes themselves.
 *
 * Why not the order of a `Map`: re-inserting on each touch and looking for the oldest key past the holes it leaves
 * costs several times as much as following links (compare both in `bench/node`). Every operation is O(1).
 */

/** The links a node lends to the list. Only the list writes them. */
export interface LruLinks<Node> {
  older: Node | undefined;
  newer: Node | undefined;
}

/** Nodes in the order of their last use. A node may be in at most one list. */
export class LruList<Node extends LruLinks<Node>> {
  #oldest: Node | undefined;
  #newest: Node | undefined;

  /** The node used longest ago, or undefined when the list is empty. */
  get oldest(): Node | undefined {
    return this.#oldest;
  }

  /** The node used last, or undefined when the list is empty. */
  get newest(): Node | undefined {
    return this.#newest;
  }

  /** Adds a node that is in no list, as the newest. */
  insert(node: Node): void {
    node.older = this.#newest;
    node.newer = undefined;
    if (this.#newest === undefined) this.#oldest = node;
    else this.#newest.newer = node;
    this.#newest = node;
  }

  /** Makes a node of this list the newest. */
  touch(node: Node): void {
    if (node === this.#newest) return;
    this.remove(node);
    this.insert(node);
  }

  /** Takes a node of this list out. */
  remove(node: Node): void {
    const { older, newer } = node;
    if (older === undefined) this.#oldest = newer;
    else older.newer = newer;
    if (newer === undefined) this.#newest = older;
    else newer.older = older;
    node.older = undefined;
    node.newer = undefined;
  }

  /** Forgets all nodes. They may not be used in a list again. */
  clear(): void {
    this.#oldest = undefined;
    this.#newest = undefined;
  }
}
