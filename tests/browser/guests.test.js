// Guests: who comes in without an account.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { ChatPage } from "./chat-page.js";
import { launchBrowser, RawClient, startServer } from "./support.js";
import { Wire } from "./wire.js";

/** What guests may call themselves: markup, selectors, commands, and names of things in the page's own code. */
const HOSTILE = ["<img/src=x/onerror=alert(1)>", "&lt;b&gt;'\"]", "!#/part", "__proto__", "{{1+1}}${1}", "שלום", "W".repeat(31)];

let browser;
let server;

before(async () => {
    browser = await launchBrowser();
    server = await startServer();
});

after(async () => {
    await browser?.close();
    await server?.remove();
});

async function comeIn(chat, nick = "") {
    await chat.page.getByLabel("Nick for a guest").fill(nick);
    await chat.page.getByRole("button", { name: "Come in as a guest" }).click();
}

test("a guest comes in without a nick, and talks", async (t) => {
    const alice = await RawClient.connect(server.port, 1, "secret1");
    t.after(() => alice.close());
    const guest = await ChatPage.open(t, browser, server);
    await guest.isAccessible("login-guests");
    await comeIn(guest);
    await guest.page.getByText("Logged in as ~guest1").waitFor();
    await guest.talkTo("alice");
    await guest.say("Hello");
    await alice.until(/^<msg aid="~guest1" time="\S+" msg="Hello" from="alice" \/>$/);
    alice.send("MSG ~guest1 Welcome");
    await guest.reads("> Hello", "< Welcome");
    await guest.joinRoom("#lobby");
    await guest.isAccessible("guest-room");
});

test("a guest's nick may be chosen, be taken, and change", async (t) => {
    const wires = [new Wire(), new Wire()];
    const first = await ChatPage.open(t, browser, server, { wire: wires[0].attach });
    await comeIn(first, "mona");
    await first.page.getByText("Logged in as ~mona").waitFor();
    const second = await ChatPage.open(t, browser, server, { wire: wires[1].attach });
    await comeIn(second, "~mona");
    await second.page.locator("#guest-nick-error").getByText("This nick is taken.").waitFor();
    await second.isAccessible("guest-taken");
    await comeIn(second, "two words");
    await second.page.locator("#guest-nick-error").getByText("has no spaces").waitFor();
    await comeIn(second, "lisa");
    await second.page.getByText("Logged in as ~lisa").waitFor();

    await second.talkTo("~mona");
    await second.say("Hi");
    await first.talkTo("~lisa");
    await first.reads("< Hi");
    wires.forEach((wire) => wire.say('<nickchanged aid="~lisa" to="~gioconda" />'));
    await second.page.getByText("Logged in as ~gioconda").waitFor();
    await first.reads("< Hi", "~lisa is now known as ~gioconda.");
    await first.page.getByRole("heading", { name: "~gioconda", level: 2 }).waitFor();
});

test("nicks of guests never become markup, commands or anything but a nick", async (t) => {
    const quiet = await startServer();
    t.after(() => quiet.remove());
    const alice = await ChatPage.open(t, browser, quiet, { viewport: { width: 320, height: 640 } });
    await alice.arrive("alice", "secret1");
    await alice.joinRoom("#lobby");
    await alice.page.locator("#back").click();
    for (const nick of HOSTILE) {
        const guest = await RawClient.connect(quiet.port);
        t.after(() => guest.close());
        guest.send(`GUEST ${nick}`);
        await guest.until(/^<identify /);
        guest.send("JOIN #lobby");
        guest.send("MSG alice Hello");
        const row = alice.person(`~${nick}`);
        await row.getByText("Hello").waitFor();
        assert.equal(await row.locator("bdi").first().textContent(), `~${nick}`);
        await row.click();
        await alice.say("Welcome");
        await alice.reads("< Hello", "> Welcome");
        await guest.until(/msg="Welcome"/);
        await alice.isAccessible(`guest-hostile-${HOSTILE.indexOf(nick)}`);
        await alice.page.locator("#back").click();
    }
    await alice.person("#lobby").click();
    await alice.page.locator("#panel-button").click();
    for (const nick of HOSTILE) {
        assert.equal(await alice.member(`~${nick}`).locator("bdi").textContent(), `~${nick}`);
    }
    assert.equal(await alice.member(`~${HOSTILE.at(-1)}`).locator(".avatar").textContent(), "W");
    await alice.isAccessible("guest-hostile-room");
    assert.equal(await alice.page.locator("#app :is(b, img:not(.mark), script)").count(), 0);
    assert.equal(await alice.page.evaluate(() => document.documentElement.scrollWidth - innerWidth), 0);

    // A guest with this nick uses the page like any other.
    const guest = await ChatPage.open(t, browser, server);
    await comeIn(guest, "#lobby");
    await guest.page.locator("#guest-nick-error").getByText("This nick is not allowed.").waitFor();
    await comeIn(guest, HOSTILE[0]);
    await guest.page.getByText(`Logged in as ~${HOSTILE[0]}`).waitFor();
    await guest.joinRoom("#lobby");
    await guest.say("It is me");
    await guest.reads("> It is me");
    await guest.membersAre(`~${HOSTILE[0]} [you]`);
});

test("a guest whose connection is lost comes back as before", async (t) => {
    const wire = new Wire();
    const guest = await ChatPage.open(t, browser, server, { wire: wire.attach });
    await comeIn(guest, "comet");
    await guest.page.getByText("Logged in as ~comet").waitFor();
    await guest.joinRoom("#lobby");
    wire.cut();
    await guest.banner.waitFor();
    await guest.banner.waitFor({ state: "hidden" });
    await guest.page.getByText("Logged in as ~comet").waitFor();
    await guest.isInRoom("#lobby");
    await guest.say("Still here");
    await guest.log.getByText("Still here").waitFor();
});

test("a server that lets in no guests offers it to nobody", async (t) => {
    const members = [{ id: 1, nick: "alice", name: "Alice", password: "secret1" }];
    const closed = await startServer({ members });
    t.after(() => closed.remove());
    const page = await ChatPage.open(t, browser, closed);
    await page.page.getByRole("button", { name: "Log in" }).waitFor();
    assert.ok(await page.page.getByRole("button", { name: "Come in as a guest" }).isHidden());
    await page.arrive("alice", "secret1");
    await page.page.getByRole("button", { name: "Log out" }).click();
    await page.page.locator("#login-notice").getByText("You have logged out.").waitFor();
    assert.ok(await page.page.getByRole("button", { name: "Come in as a guest" }).isHidden());
});
