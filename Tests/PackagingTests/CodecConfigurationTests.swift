import Testing

@testable import Packaging

@Suite struct CodecConfigurationTests {
    @Test(
        arguments: [
            ("Main 3.0", [1, 0x4D, 0x40, 0x1E, 0xFF, 0xE1, 0], "avc1.4d401e"),
            ("High 4.0", [1, 0x64, 0x00, 0x28, 0xFF, 0xE1, 0], "avc1.640028"),
            ("Constrained Baseline 1.0", [1, 0x42, 0xC0, 0x0A, 0xFF, 0xE1, 0], "avc1.42c00a"),
        ] as [(String, [UInt8], String)])
    func namesAVC(name: String, record: [UInt8], expected: String) throws {
        #expect(try AVCConfiguration(record: record).codecs == expected)
    }

    @Test(
        arguments: [
            ("Main, L3.1", [1, 0x01, 0x60, 0, 0, 0, 0xB0, 0, 0, 0, 0, 0, 93], "hvc1.1.6.L93.B0"),
            ("Main 10, high tier", [1, 0x22, 0x20, 0, 0, 0, 0x90, 0, 0, 0, 0, 0, 150], "hvc1.2.4.H150.90"),
            (
                "profile space A, all constraints", [1, 0x41, 0x80, 0, 0, 0, 1, 2, 3, 4, 5, 6, 30],
                "hvc1.A1.1.L30.1.2.3.4.5.6"
            ),
            ("no constraints", [1, 0x01, 0x60, 0, 0, 0, 0, 0, 0, 0, 0, 0, 120], "hvc1.1.6.L120"),
        ] as [(String, [UInt8], String)])
    func namesHEVC(name: String, head: [UInt8], expected: String) throws {
        let record = head + [UInt8](repeating: 0, count: 9) + [1]
        #expect(try HEVCConfiguration(record: record).codecs == expected)
    }

    @Test(
        arguments: [
            ("LC 48 kHz stereo", [0x11, 0x90], "mp4a.40.2", 2),
            ("LC 44.1 kHz stereo", [0x12, 0x10], "mp4a.40.2", 2),
            ("LC 48 kHz 5.1", [0x11, 0xB0], "mp4a.40.2", 6),
            ("SBR signalled explicitly", [0x2B, 0x11, 0x88, 0x00], "mp4a.40.5", 2),
            ("frequency written out", [0x17, 0x80, 0x5D, 0xC0, 0x10], "mp4a.40.2", 2),
            ("escaped object type 42 (xHE-AAC)", [0xF9, 0x46, 0x40], "mp4a.40.42", 2),
        ] as [(String, [UInt8], String, Int)])
    func namesAAC(name: String, record: [UInt8], codecs: String, channels: Int) throws {
        let configuration = try AACConfiguration(record: record)
        #expect(configuration.codecs == codecs, "\(name)")
        #expect(configuration.channelConfiguration == channels, "\(name)")
    }

    @Test(
        arguments: [
            Refusal("avcC empty", .codecConfigurationInvalid) { _ = try AVCConfiguration(record: []) },
            Refusal("avcC of start codes", .codecConfigurationInvalid) {
                _ = try AVCConfiguration(record: [0, 0, 0, 1, 0x67, 0x64, 0, 0x1F])
            },
            Refusal("avcC without parameter sets", .codecConfigurationInvalid) {
                _ = try AVCConfiguration(record: [1, 0x64, 0, 0x1F, 0xFF, 0xE0, 0])
            },
            Refusal("hvcC short", .codecConfigurationInvalid) { _ = try HEVCConfiguration(record: [1, 1, 0x60]) },
            Refusal("AudioSpecificConfig empty", .codecConfigurationInvalid) { _ = try AACConfiguration(record: []) },
            Refusal("AudioSpecificConfig of one byte", .codecConfigurationInvalid) {
                _ = try AACConfiguration(record: [0x11])
            },
            Refusal("AudioSpecificConfig ends in the frequency", .codecConfigurationInvalid) {
                _ = try AACConfiguration(record: [0x17, 0x80, 0x5D])
            },
            Refusal("AudioSpecificConfig too long", .codecConfigurationInvalid) {
                _ = try AACConfiguration(record: [UInt8](repeating: 0x11, count: 65))
            },
        ])
    func refuses(row: Refusal) throws { try row.check() }
}
