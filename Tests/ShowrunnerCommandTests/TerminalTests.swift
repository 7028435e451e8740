import Dispatch
import Glibc
import ScriptedServer
import Testing

@testable import TerminalOutput
@testable import showrunner

@Suite("What goes to terminals")
struct TerminalTests {
    @Test("control characters are shown and not obeyed, but for line feeds and tabs")
    func legible() {
        for (text, shown) in [
            ("Elf", "Elf"), ("a\tb\nc", "a\tb\nc"), ("\u{1B}[2J", "␛[2J"), ("a\rb", "a␍b"), ("a\r\nb", "a␍\nb"),
            ("\u{0}\u{7F}\u{9B}31m", "␀␡\u{FFFD}31m"), ("Élan 映画 🎬", "Élan 映画 🎬"),
        ] {
            #expect(Terminal.legible(text) == shown)
        }
    }

    @Test("a pipe that does not block is waited for, and takes all of it")
    func waits() throws {
        var ends: [CInt] = [0, 0]
        let failure = pipe(&ends)
        try #require(failure == 0)
        let (reader, writer) = (ends[0], ends[1])
        #expect(fcntl(writer, F_SETFL, O_NONBLOCK) == 0)
        // More than any pipe takes at once.
        let length = 4 << 20
        let (counts, isRead) = (Collected<Int>(), Gate())
        DispatchQueue.global().async {
            var (bytes, count) = ([UInt8](repeating: 0, count: 65_536), 0)
            while true {
                let got = read(reader, &bytes, bytes.count)
                if got <= 0 { break }
                count += got
            }
            counts.add(count)
            isRead.open()
        }
        Terminal.write(String(repeating: "x", count: length), to: writer)
        close(writer)
        #expect(isRead.pass())
        #expect(counts.all == [length])
        close(reader)
    }

    @Test("a result that can't be written is a failure")
    func failsWithoutOutput() async {
        let ended = await #expect(processExitsWith: .exitCode(1), observing: [\.standardErrorContent]) {
            close(STDOUT_FILENO)
            Terminal.write("{}\n", to: STDOUT_FILENO)
            // Not the status of a write that fails in silence.
            exit(0)
        }
        let errors = String(decoding: ended?.standardErrorContent ?? [], as: UTF8.self)
        #expect(errors.contains("the result is not written whole: Bad file descriptor"), "\(errors)")
    }

    @Test("lines are drawn over the ones before, within the terminal")
    func liveLines() {
        var lines = LiveLines()
        let size = TerminalSize(rows: 4, columns: 13)
        #expect(lines.redraw(["a", "b"], size: size) == "\u{1B}[2Ka\n\u{1B}[2Kb\n")
        #expect(
            lines.redraw(["123456789012", "1234567890123", "c", "d", "e"], size: size)
                == "\u{1B}[2A\u{1B}[2K123456789012\n\u{1B}[2K12345678901…\n\u{1B}[2K… and 3 more\n")
        #expect(lines.redraw(["z"], size: size) == "\u{1B}[3A\u{1B}[2Kz\n\u{1B}[J")
        lines.leave()
        #expect(lines.redraw(["y\u{7}"], size: nil) == "\u{1B}[2Ky␇\n")
        lines.leave()
        #expect(lines.redraw(["a\nb"], size: nil) == "\u{1B}[2Ka␊b\n", "a line is a line, whatever stands in it")
        #expect(lines.redraw(["a", "b"], size: TerminalSize(rows: 1, columns: 1)).hasSuffix("\u{1B}[2K…\n"))
        lines.leave()
        // Six of these take the place of twelve letters.
        #expect(lines.redraw(["映画映画映画"], size: size) == "\u{1B}[2K映画映画映画\n")
        #expect(lines.redraw(["x映画映画映画"], size: size).hasSuffix("\u{1B}[2Kx映画映画映…\n"))
    }

    @Test(
        "columns are those of a terminal",
        arguments: [
            ("Elf", 3), ("É", 1), ("E\u{301}lan", 4), ("映画", 4), ("한글", 4), ("ｱ", 1), ("Ａ", 2), ("🎬", 2), ("👩‍🚀", 2),
            ("❤️", 2), ("✓", 1), ("…", 1), ("\u{200B}", 0),
        ])
    func columns(_ text: String, _ columns: Int) { #expect(Columns.of(text) == columns) }

    @Test("states that are done become one line where there are too many")
    func folded() {
        let lines = [("a", true), ("b", false), ("c", true), ("d", true)].map { (text: $0.0, isDone: $0.1) }
        #expect(RunDisplay.folded(lines, rows: 5) == ["a", "b", "c", "d"])
        #expect(RunDisplay.folded(lines, rows: 4) == ["✓ 3 tasks succeeded", "b"])
        #expect(RunDisplay.folded([("a", true), ("b", false)], rows: 1) == ["a", "b"])
    }
}
