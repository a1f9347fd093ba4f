async function read(id: number): Promise<string> {
  const answer = await fetch(`/ok/${id}`);
  if (answer.headers.get('X-Cart') === null) throw new Error('answer without a cart');
  return answer.text();
}

/** Loads a cart, and says which one when it cannot. */
export async function loadCart(id: number): Promise<string> {
  try {
    return await read(id);
  } catch (reason) {
    throw new TypeError('cannot load the cart', { cause: reason });
  }
}
