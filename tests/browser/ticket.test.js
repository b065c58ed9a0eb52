// Logins that a web site vouches for: by a link with a ticket, and by asking the site for one.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { ChatPage } from "./chat-page.js";
import { FlashPage, RUFFLE } from "./flash-page.js";
import { Site } from "./site.js";
import { eventually, launchBrowser, RawClient } from "./support.js";

/** What Chromium itself writes on its console when a server is gone, or says no. */
const EXPECTED = [/WebSocket connection to .* failed/, /Failed to load resource/];

const skip = RUFFLE === undefined && "the package @ruffle-rs/ruffle is not installed";

let browser;

before(async () => {
    browser = await launchBrowser();
});

after(() => browser?.close());

/** Opens the page by a link, as a site makes one. */
async function follow(t, server, fragment, options) {
    return ChatPage.open(t, browser, { url: `${server.url}#${fragment}` }, options);
}

function connections(server) {
    return server.log.filter((line) => line.includes("CONNECTED")).length;
}

test("a link with a ticket logs in, after a yes", async (t) => {
    const { site, server } = await Site.start(t, { ticketUrl: false });
    const alice = await follow(t, server, `id=1&ticket=${site.ticket(1)}`);
    await alice.page.getByRole("heading", { name: "Continue as member 1?" }).waitFor();
    assert.equal(alice.page.url(), server.url, "the address holds no ticket");
    assert.equal(connections(server), 0, "nothing was sent");
    await alice.isAccessible("ticket-offer");
    await alice.page.getByRole("button", { name: "Continue" }).click();
    await alice.page.getByText("Logged in as").waitFor();
    const stored = await alice.page.evaluate(() => JSON.stringify([{ ...sessionStorage }, { ...localStorage }, history.state]));
    assert.doesNotMatch(stored, /ticket:/);

    // The ticket is used. What happens next is said, and nothing is tried in vain.
    alice.expected.push(...EXPECTED);
    await server.stop();
    const notice = alice.page.locator("#login-notice");
    await notice.getByText("Open the chat from your site again, or use your password.").waitFor();
    assert.ok(await notice.evaluate((element) => element === document.activeElement));
    await alice.isAccessible("ticket-spent");
});

test("a link is declined, and nothing was sent", async (t) => {
    const { site, server } = await Site.start(t, { ticketUrl: false });
    const page = await follow(t, server, `id=mallory&ticket=${site.ticket(2)}`);
    await page.page.getByRole("heading", { name: "Continue as mallory?" }).waitFor();
    await page.page.getByRole("button", { name: "Use another account" }).click();
    await page.arrive("alice", "secret1");
    await page.page.getByText("Logged in as Alice").waitFor();
    assert.equal(server.log.filter((line) => line.includes("LOGIN 2")).length, 0);
});

test("a ticket that is used, expired or damaged is said to be so", async (t) => {
    const { site, server } = await Site.start(t, { ticketUrl: false });
    const used = site.ticket(1);
    const first = await RawClient.connect(server.port, 1, used);
    await first.close();
    const page = await follow(t, server, `ticket=${used}`);
    await page.page.getByRole("heading", { name: "Continue as member 1?" }).waitFor();
    await page.page.getByRole("button", { name: "Continue" }).click();
    await page.page.locator("#login-notice").getByText("This login has expired or was used.").waitFor();

    for (const damaged of ["id=1&ticket=", "ticket=x", "id=a%20b&ticket=ticket:1.1.2.3.4.5", "id=a%00b&ticket=ticket:1.1.2.3.4.5"]) {
        const other = await follow(t, server, damaged);
        await other.page.locator("#login-notice").getByText("The link that you followed is damaged.").waitFor();
        assert.equal(other.page.url(), server.url);
    }
    assert.equal(connections(server), 2);
});

test("a link never replaces a live session", async (t) => {
    const { site, server } = await Site.start(t, { ticketUrl: false });
    const bob = await RawClient.connect(server.port, 2, "secret2");
    const alice = await ChatPage.open(t, browser, server);
    await alice.arrive("alice", "secret1");
    await alice.talkTo("bob");
    await alice.box.fill("half a sentence");
    await alice.page.evaluate((ticket) => (location.hash = `id=3&ticket=${ticket}`), site.ticket(3));
    await alice.page.getByRole("status").getByText("You are logged in already").waitFor();
    assert.equal(alice.page.url(), server.url);
    await alice.box.press("Enter");
    assert.match(await bob.until(/^<msg/), /aid="alice".*msg="half a sentence"/);
    assert.equal(connections(server), 2);

    // The same while it waits to come back.
    alice.expected.push(...EXPECTED);
    await server.stop();
    await alice.banner.waitFor();
    await alice.page.evaluate((ticket) => (location.hash = `id=3&ticket=${ticket}`), site.ticket(3));
    await eventually("a clean address", () => alice.page.url() === server.url);
    assert.equal(await alice.page.getByText("Continue as").isVisible(), false);
    await bob.close();
});

test("a page of the same site that frames the chat logs in without a question", async (t) => {
    const { site, server } = await Site.start(t, { ticketUrl: false });
    const page = await browser.newPage();
    t.after(() => page.close());
    await page.route("**/around", (route) => route.fulfill({
        contentType: "text/html",
        body: `<iframe width="900" height="600" src="/chat/#id=2&ticket=${site.ticket(2)}"></iframe>`,
    }));
    await page.goto(`http://127.0.0.1:${server.port}/around`);
    await page.frameLocator("iframe").getByText("Logged in as Bob").waitFor();
});

test("another site logs in without a question only where it may frame the chat", async (t) => {
    for (const frames of [true, false]) {
        const { site, server } = await Site.start(t, { ticketUrl: false, frames });
        const page = await browser.newPage();
        t.after(() => page.close());
        const refused = [];
        page.on("console", (message) => refused.push(message.text()));
        await page.goto(`${site.url}/chat`);
        if (frames) {
            await page.frameLocator("iframe").getByText("Logged in as Bob").waitFor();
        } else {
            await eventually("the browser's refusal", () => refused.some((text) => text.includes("frame-ancestors")));
            assert.equal(connections(server), 0);
        }
    }
});

test("a fresh ticket comes from the site, and the page reconnects by itself", async (t) => {
    const { site, server } = await Site.start(t);
    const alice = await ChatPage.open(t, browser, server);
    alice.expected.push(...EXPECTED);
    const own = await alice.page.context().newPage();
    await own.goto(site.url);
    await own.close();
    await alice.isAccessible("ticket-site");
    await alice.page.getByRole("button", { name: "Use my account at 127.0.0.1" }).click();
    await alice.page.getByText("Logged in as Alice").waitFor();
    const asked = { method: "POST", origin: `http://127.0.0.1:${server.port}`, cookie: "session=abc" };
    assert.deepEqual(site.asked, [asked]);

    await server.stop();
    await alice.banner.waitFor();
    const again = await site.serve({ port: server.port });
    t.after(() => again.remove());
    await alice.banner.waitFor({ state: "hidden" });
    await again.logged(/LOGIN 1\(/);
    assert.ok(site.asked.length >= 2);

    // Who has logged out there is not logged in here again.
    site.status = 403;
    await again.stop();
    await alice.page.locator("#login-notice").getByText(/You are not logged in at 127\.0\.0\.1:\d+\. Log in there, or use your password\./).waitFor();
    await alice.isAccessible("ticket-denied");
});

test("a site that cannot be reached is asked again", async (t) => {
    const { site, server } = await Site.start(t);
    site.status = 500;
    const alice = await ChatPage.open(t, browser, server);
    alice.expected.push(...EXPECTED);
    await alice.page.getByRole("button", { name: "Use my account at" }).click();
    await alice.page.locator("#login").getByText(/cannot be reached/).waitFor();
    assert.equal(connections(server), 0);
    site.status = 200;
    await alice.page.getByRole("button", { name: "Try now" }).click();
    await alice.page.getByText("Logged in as Alice").waitFor();
});

test("an expired ticket of a link is replaced by a fresh one of the site", async (t) => {
    const { site, server } = await Site.start(t);
    const used = site.ticket(1);
    const first = await RawClient.connect(server.port, 1, used);
    await first.close();
    const alice = await follow(t, server, `ticket=${used}`);
    await alice.page.getByRole("button", { name: "Continue" }).click();
    await alice.page.getByText("Logged in as Alice").waitFor();
    assert.equal(site.asked.length, 1);
});

test("a ticket in the address of the movie itself logs nobody in", { skip }, async (t) => {
    const { site, server } = await Site.start(t, { ticketUrl: false, args: ["--ruffle", RUFFLE ?? ""] });
    const flash = await FlashPage.open(t, browser, server);
    await flash.plays();
    const { port } = server;
    const load = (address, more) => flash.page.evaluate(async ([url, parameters]) => {
        const player = document.querySelector("ruffle-player");
        await player.ruffle().load({ url, parameters, allowScriptAccess: true });
    }, [address, { host: "127.0.0.1", port: String(port), mirror: "yes", ...more }]);
    // What a page gives in FlashVars is taken, and without an id a ticket names its member.
    await load("chat.swf", { ticket: site.ticket(3) });
    await flash.tells("Welcome, carol.");
    // The player decodes names, too.
    for (const name of ["ticket", "%74icket", "%&tick%65t"]) {
        await load(`chat.swf?id=2&${name}=${site.ticket(2)}`, {});
        await server.logged(/QUIT 3/);
        await flash.plays();
    }
    // A movie that was loaded a moment ago may miss the first keys: then it is loaded again.
    const welcome = flash.page.locator("#said p").filter({ hasText: "Welcome, alice." });
    let isWelcome = false;
    for (let tries = 0; tries < 5 && !isWelcome; tries += 1) {
        await flash.logIn("alice", "secret1");
        isWelcome = await welcome.waitFor({ state: "attached", timeout: 5000 }).then(() => true, () => false);
        if (!isWelcome) {
            await load(`chat.swf?ticket=${site.ticket(2)}`, {});
            await flash.plays();
        }
    }
    assert.ok(isWelcome);
    assert.equal(server.log.filter((line) => line.includes("LOGIN 2")).length, 0);
});

test("the Flash page asks the site for a ticket, and the visitor before it uses it", { skip }, async (t) => {
    const { site, server } = await Site.start(t, { args: ["--ruffle", RUFFLE ?? ""] });
    const flash = await FlashPage.open(t, browser, server);
    await flash.page.getByRole("heading", { name: "Continue as member 1?" }).waitFor();
    assert.equal(site.asked.length, 1);
    assert.equal(connections(server), 0);
    await flash.page.getByRole("button", { name: "Continue" }).click();
    await flash.tells("Welcome, alice.");
    assert.equal(site.asked.length, 2, "the first ticket may have expired");
});

test("the movie logs in by a ticket, and says what to do when it is used", { skip }, async (t) => {
    const { site, server } = await Site.start(t, { ticketUrl: false, args: ["--ruffle", RUFFLE ?? ""] });
    const flash = await FlashPage.open(t, browser, server, `#id=2&ticket=${site.ticket(2)}`);
    await flash.page.getByRole("heading", { name: "Continue as member 2?" }).waitFor();
    assert.doesNotMatch(flash.page.url(), /ticket/);
    assert.equal(connections(server), 0);
    await flash.page.getByRole("button", { name: "Continue" }).click();
    await flash.tells("Welcome, bob.");

    await server.stop();
    await flash.tells("The connection was lost. Log in again, or load this page again from your site.");
    // The button, which has the keyboard, leads to the form.
    await flash.page.keyboard.press("Enter");
    const again = await site.serve({ port: server.port });
    t.after(() => again.remove());
    await flash.type("secret2");
    await flash.page.keyboard.press("Enter");
    await again.logged(/LOGIN 2\(/);
    await flash.tells("You are back.");
});
