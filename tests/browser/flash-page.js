// The Flash page as a person uses it: the movie by the keyboard, and what it shows by the lines that it
// passes on to screen readers. Pixels are written to the folder that SCREENSHOTS names, for people.

import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { createRequire } from "node:module";
import path from "node:path";

import { PATIENCE } from "./support.js";

/** Where Ruffle's package is installed, if it is. */
export const RUFFLE = ruffleFolder();

/** The Flash page; a breach of its policy or an error in the movie fails the test. */
export class FlashPage {
    #faults = [];

    static async open(t, browser, server, fragment = "") {
        const flash = new FlashPage();
        flash.server = server;
        flash.page = await browser.newPage({ viewport: { width: 900, height: 760 } });
        t.after(async () => {
            await flash.page.close();
            assert.deepEqual(flash.#faults, [], "the browser or the movie complained");
        });
        flash.page.setDefaultTimeout(PATIENCE);
        flash.page.on("pageerror", (error) => flash.#faults.push(String(error)));
        flash.page.on("console", (message) => {
            // Ruffle logs the errors of a movie, too.
            if (message.type() === "error" || /%cERROR/.test(message.text())) {
                flash.#faults.push(message.text());
            }
        });
        await flash.page.goto(`http://127.0.0.1:${server.port}${server.path ?? "/flash/"}${fragment}`);
        return flash;
    }

    /** Waits until the movie plays; it takes the keyboard by itself. */
    async plays() {
        const ready = () => document.querySelector("ruffle-player")?.ruffle().readyState === 2;
        await this.page.waitForFunction(ready);
        await this.page.waitForFunction(() => document.activeElement?.localName === "ruffle-player");
    }

    async logIn(id, password) {
        await this.type(id);
        await this.page.keyboard.press("Tab");
        await this.type(password);
        await this.page.keyboard.press("Enter");
    }

    /** A movie takes its keys a frame at a time. */
    async type(text) {
        await this.page.keyboard.type(text, { delay: 20 });
    }

    /** Waits for a line that the movie passes on to screen readers. */
    async tells(line) {
        const paragraph = this.page.locator("#said p").filter({ hasText: line });
        await paragraph.last().waitFor({ state: "attached" });
        return paragraph.last().textContent();
    }

    /** Clicks on a point of the stage, in the movie's own 640 by 420. */
    async clicks(x, y) {
        await this.pointsAt(x, y);
        await this.presses();
    }

    /** Presses the mouse where it is. */
    async presses() {
        await this.page.mouse.down();
        await this.page.mouse.up();
    }

    /** Brings the mouse to a point of the stage. */
    async pointsAt(x, y) {
        const player = this.page.locator("ruffle-player");
        const { width, height } = await player.boundingBox();
        // Where graphics are slow, as without a graphics card, Ruffle lays a notice over the movie when
        // the mouse first comes.
        await player.hover();
        const notice = this.page.locator("#hardware-acceleration-modal");
        if (await notice.isVisible()) {
            await notice.locator(".close-modal").click();
        }
        await player.hover({ position: { x: (x * width) / 640, y: (y * height) / 420 } });
    }

    /** Goes to the list, moves down by this many people, and back to the line that is written. */
    async choosesDown(people) {
        for (const key of ["Tab", "Tab", ...Array(people).fill("ArrowDown"), "Shift+Tab", "Shift+Tab"]) {
            await this.page.keyboard.press(key, { delay: 50 });
        }
    }

    /** Keeps a picture, where the environment names a folder for them. */
    async screenshot(name) {
        const folder = process.env.SCREENSHOTS;
        if (folder) {
            await mkdir(folder, { recursive: true });
            await this.page.screenshot({ path: path.join(folder, `${name}.png`), fullPage: true });
        }
    }
}

function ruffleFolder() {
    try {
        return path.dirname(createRequire(import.meta.url).resolve("@ruffle-rs/ruffle/ruffle.js"));
    } catch {
        return undefined;
    }
}
