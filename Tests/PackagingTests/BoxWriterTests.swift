import Testing

@testable import Packaging

@Suite struct BoxWriterTests {
    struct Row: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let expected: [UInt8]
        let write: @Sendable (inout BoxWriter) -> Void

        init(_ name: String, _ expected: [UInt8], _ write: @escaping @Sendable (inout BoxWriter) -> Void) {
            testDescription = name
            self.expected = expected
            self.write = write
        }
    }

    @Test(arguments: [
        Row("u8", [0xFE]) { $0.u8(0xFE) },
        Row("u16", [1, 2]) { $0.u16(0x0102) },
        Row("u24", [1, 2, 3]) { $0.u24(0x01_0203) },
        Row("u32", [1, 2, 3, 4]) { $0.u32(0x0102_0304) },
        Row("u64", [1, 2, 3, 4, 5, 6, 7, 8]) { $0.u64(0x0102_0304_0506_0708) },
        Row("i16 below zero", [0xFF, 0xFE]) { $0.i16(-2) },
        Row("i32 below zero", [0xFF, 0xFF, 0xFC, 0x17]) { $0.i32(-1001) },
        Row("i64 below zero", [255, 255, 255, 255, 255, 255, 255, 255]) { $0.i64(-1) },
        Row("16.16", [5, 0, 0, 0]) { $0.fixed16(1280) },
        Row("text", [0xC3, 0xA9, 0]) { $0.zeroTerminated("\u{E9}") },
        Row("box", [0, 0, 0, 9, 0x66, 0x72, 0x65, 0x65, 7]) { $0.box("free") { $0.u8(7) } },
        Row("full box", [0, 0, 0, 12, 0x74, 0x66, 0x64, 0x74, 1, 2, 0, 1]) {
            $0.fullBox("tfdt", version: 1, flags: 0x02_0001) { _ in }
        },
        Row("nested", [0, 0, 0, 16, 0x6D, 0x6F, 0x6F, 0x66, 0, 0, 0, 8, 0x74, 0x72, 0x61, 0x66]) {
            $0.box("moof") { $0.box("traf") { _ in } }
        },
    ])
    func writesBigEndian(row: Row) {
        var writer = BoxWriter()
        row.write(&writer)
        #expect(writer.bytes == row.expected)
    }
}
