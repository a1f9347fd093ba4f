// A small shop, as a customer would build it, with packages from npm.
import { init } from '@monlight/browser';
import axios from 'axios';
import { h, render } from 'preact';
import { z } from 'zod';
import { loadCart } from './cart';
import { total } from './price';

declare const CONFIG: { dsn: string; endpoint: string; release?: string };

const monlight = init({ ...CONFIG, environment: 'staging' });
monlight.setUser('u-42');
monlight.addContext('plan', 'pro');

const Order = z.object({ id: z.number(), items: z.array(z.string()).min(1) });

const actions: Record<string, () => unknown> = {
  total: () => total([{ name: 'tea', price: 3 }, { name: 'cup' }]),
  cart: () => void loadCart(17),
  order: () => Order.parse({ id: 'seven', items: [] }),
  refresh: () => axios.get('/broken/4711' + location.search).catch(() => 'the shop goes on'),
};

const Shop = () => h('main', null, h('h1', null, 'Tea and cups'), ...Object.entries(actions).map(([name, onClick]) => h('button', { id: name, onClick }, name)));

render(h(Shop, null), document.body);
monlight.metrics.counter('shop_visits_total', 1, { shop: 'north' });
