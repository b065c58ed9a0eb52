// The chat page as a person uses it: by what is written on it, with the keyboard and the mouse.
//
// Whatever the browser complains about (an exception, an error on the console, a breach of the
// Content-Security-Policy) fails the test that opened the page, unless the test expected it.

import assert from "node:assert/strict";
import { mkdir, readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import path from "node:path";

import { eventually, PATIENCE } from "./support.js";

const AXE = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

export class ChatPage {
    /** Complaints of the browser that a test may cause on purpose, as patterns. */
    expected = [];
    #faults = [];

    /** Opens the page in a browser context of its own, as another person would; closes with the test. */
    static async open(test, browser, server, options = {}) {
        const context = await browser.newContext({
            viewport: { width: 1280, height: 800 },
            reducedMotion: "reduce",
            ...options,
        });
        context.setDefaultTimeout(PATIENCE);
        const chat = new ChatPage();
        chat.page = await context.newPage();
        chat.#watch();
        if (options.wire) {
            await chat.page.routeWebSocket(/./, options.wire);
        }
        test.after(async () => {
            await context.close();
            const faults = chat.#faults.filter((fault) => !chat.expected.some((known) => known.test(fault)));
            assert.deepEqual(faults, [], "the browser complained");
        });
        chat.answer = await chat.page.goto(server.url);
        return chat;
    }

    #watch() {
        this.page.on("pageerror", (error) => this.#faults.push(String(error.stack)));
        this.page.on("dialog", (dialog) => {
            this.#faults.push(`dialog: ${dialog.message()}`);
            dialog.dismiss();
        });
        this.page.on("console", (message) => {
            if (message.type() === "error" || message.type() === "warning") {
                this.#faults.push(message.text());
            }
        });
    }

    async logIn(id, password) {
        await this.page.getByLabel("Member number or nick").fill(id);
        await this.page.getByLabel("Password").fill(password);
        await this.page.getByRole("button", { name: "Log in" }).click();
    }

    /** Logs in, and waits until it is done. */
    async arrive(id, password) {
        await this.logIn(id, password);
        await this.page.getByText("Logged in as").waitFor();
        await this.page.getByRole("navigation", { name: "People" }).getByRole("listitem").first().waitFor();
    }

    /** A person's row in the list of people. */
    person(nick) {
        return this.page.locator(`.person[data-nick=${JSON.stringify(nick)}]`);
    }

    /** Opens the list of all rooms. */
    async allRooms() {
        await this.page.getByRole("button", { name: "All rooms" }).click();
        await this.page.getByRole("heading", { name: "Rooms", level: 2 }).waitFor();
    }

    /** A room's row in the list of all rooms. */
    roomRow(name) {
        return this.page.locator(`.room-row[data-room=${JSON.stringify(name)}]`);
    }

    /** Joins a room that is in the list. */
    async joinRoom(name) {
        await this.allRooms();
        await this.roomRow(name).click();
        await this.isInRoom(name);
    }

    /** Waits until the room is open, and can be written to. */
    async isInRoom(name) {
        await this.page.locator("#talk-head").getByRole("heading", { name, exact: true }).waitFor();
        await eventually(`${name} to be joined`, () => this.page.locator("#rejoin").isHidden());
    }

    async createRoom(name, { key = "", hidden = false } = {}) {
        await this.allRooms();
        const form = this.page.getByRole("form", { name: "Create a room" });
        await form.getByLabel("Name of the room").fill(name);
        await form.getByLabel("Key that others need").fill(key);
        await form.getByLabel("Hidden").setChecked(hidden);
        await form.getByRole("button", { name: "Create" }).click();
    }

    async joinByName(name, key = "") {
        await this.allRooms();
        const form = this.page.getByRole("form", { name: "Join a room by name" });
        await form.getByLabel("Name of the room").fill(name);
        await form.getByLabel("Key, if the room has one").fill(key);
        await form.getByRole("button", { name: "Join" }).click();
    }

    /** A member's row in the panel of the open room. */
    member(nick) {
        return this.page.locator(`.member[data-nick=${JSON.stringify(nick)}]`);
    }

    /** The members of the open room as they are listed, `owner` and `you` in brackets. */
    async membersAre(...members) {
        let last;
        await eventually("the members", async () => {
            last = await this.page.locator(".member").evaluateAll((rows) => rows.map((row) => {
                const tags = [...row.querySelectorAll(".tag")].map((tag) => ` [${tag.textContent}]`);
                return row.querySelector("bdi").textContent + tags.join("");
            }));
            return JSON.stringify(last) === JSON.stringify(members);
        }).catch(() => assert.deepEqual(last, members));
    }

    async talkTo(nick) {
        await this.person(nick).click();
        await eventually(`the conversation with ${nick}`, () => this.box.evaluate((box) => box === document.activeElement));
    }

    get box() {
        return this.page.getByLabel("Message");
    }

    get log() {
        return this.page.getByRole("log");
    }

    get banner() {
        return this.page.getByRole("region", { name: "Connection" });
    }

    async say(text) {
        await this.box.fill(text);
        await this.box.press("Enter");
    }

    /** Waits until the open conversation reads like this: `["> sent", "< received", "note"]`. */
    async reads(...lines) {
        let last;
        try {
            await eventually("the conversation", async () => {
                last = await this.messages();
                return JSON.stringify(last) === JSON.stringify(lines);
            });
        } catch {
            assert.deepEqual(last, lines);
        }
    }

    messages() {
        return this.log.locator(".message, .note").evaluateAll((elements) =>
            elements.map((element) => {
                const sign = { mine: "> ", theirs: "< " }[[...element.classList].find((c) => c === "mine" || c === "theirs")];
                const failed = element.classList.contains("failed") ? "! " : "";
                return failed + (sign ?? "") + (element.querySelector(".bubble") ?? element).textContent;
            }));
    }

    async titled(title) {
        // Characters that keep a name's direction to itself are no part of what one reads.
        const read = async () => (await this.page.title()).replaceAll(/[\u2066-\u2069]/gu, "");
        await eventually(`the title ${title}`, async () => (await read()) === title);
    }

    /** Nothing on the page is wrong by the rules of axe-core, in either colour scheme. */
    async isAccessible(name) {
        for (const colorScheme of ["light", "dark"]) {
            await this.page.emulateMedia({ colorScheme });
            await this.screenshot(`${name}-${colorScheme}`);
            const found = await axe(this.page);
            assert.deepEqual(found, [], `${name}, ${colorScheme}`);
        }
    }

    /** Keeps a picture, where the environment names a folder for them. */
    async screenshot(name) {
        const folder = process.env.SCREENSHOTS;
        if (folder) {
            await mkdir(folder, { recursive: true });
            await this.page.screenshot({ path: path.join(folder, `${name}.png`) });
        }
    }
}

/** Runs axe-core by the debugger: the page's own policy lets no foreign script in. */
export async function axe(page) {
    const debug = await page.context().newCDPSession(page);
    await debug.send("Runtime.evaluate", { expression: AXE });
    await debug.detach();
    const { violations } = await page.evaluate(() => window.axe.run());
    return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ target }) => target.join(" ")).join(", ")}`);
}
