import KeyProviders
import Packaging

/// What a key server answers, whatever it is: the keys that were asked for are in it, or it says what is wrong. The first
/// byte chooses the scheme.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ data: UnsafePointer<UInt8>?, _ size: Int) -> CInt {
    guard let data, size > 1 else { return 0 }
    let bytes = UnsafeBufferPointer(start: data, count: size)
    let document = CPIXDocument(
        contentID: "film", scheme: bytes[0] & 1 == 0 ? .cbcs : .cenc,
        uses: [CPIXDocument.Use(keyID: audio, label: .audio), CPIXDocument.Use(keyID: hd, label: .hd)],
        systems: [.widevine, .playReady, .fairPlay])
    do {
        let keys = try document.keys(inAnswer: Array(bytes.dropFirst()))
        precondition(keys.map(\.keyID) == [audio, hd], "the keys that were asked for, in their order")
        for key in keys {
            precondition(key.key.count == 16 && key.vector?.count ?? 16 == 16, "of 16 bytes")
            for signalling in (key.signalling ?? [:]).values {
                precondition(
                    signalling.address?.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F } ?? true, "no blank, no line")
            }
        }
    } catch {
        precondition(!error.description.isEmpty, "an error says something")
    }
    return 0
}

private let audio = keyID("00000000-0000-4000-8000-000000000001")
private let hd = keyID("00000000-0000-4000-8000-000000000002")

private func keyID(_ text: String) -> KeyID {
    guard let id = KeyID(text) else { preconditionFailure("\(text) is a key id") }
    return id
}
