// browser.mjs PAGE: opens it in Chromium and prints the IDs of the events that its SDK sent.
import { chromium } from 'playwright-core';

const browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args: ['--no-sandbox', '--disable-gpu'] });
const page = await browser.newPage();
page.on('console', (m) => console.error(m.text()));
await page.goto(process.argv[2]);
await page.waitForFunction(() => window.done, null, { timeout: 15000 });
for (const id of await page.evaluate(() => window.sent)) console.log('sent', id);
await browser.close();
