export interface Item {
  name: string;
  price?: number;
}

/** The price of an item in euros. */
function priceOf(item: Item): number {
  if (item.price === undefined) {
    throw new RangeError(`no price of ${item.name}`);
  }
  return item.price;
}

export function total(items: Item[]): number {
  let sum = 0;
  for (const item of items) sum += priceOf(item);
  return sum;
}
