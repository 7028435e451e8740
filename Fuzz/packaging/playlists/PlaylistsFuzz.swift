import Packaging

/// The readers of playlists, manifests and subtitles: whatever the text is, they answer with findings and do not trap.
/// The first byte chooses.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ data: UnsafePointer<UInt8>?, _ size: Int) -> CInt {
    guard let data, size > 0 else { return 0 }
    let bytes = Array(UnsafeBufferPointer(start: data, count: size))
    let text = Array(bytes.dropFirst())
    switch bytes[0] % 5 {
    case 0, 1:
        let playlist = HLSPlaylist(text)
        for finding in playlist.findings { precondition(!finding.message.isEmpty, "a finding says something") }
        for segment in playlist.segments { precondition(segment.duration >= 0, "no segment ends before it begins") }
    case 2:
        let document = DASHDocument(text)
        for finding in document.findings { precondition(!finding.message.isEmpty, "a finding says something") }
    case 3:
        do {
            for cue in try SubtitleFile(text).document.cues { precondition(cue.start < cue.end, "a cue is shown") }
        } catch {
            precondition(!error.message.isEmpty, "an error says something")
        }
    default:
        do {
            let document = try WebVTTDocument(text)
            // What is written is read as the same.
            let again = try WebVTTDocument(Array(document.text.utf8))
            precondition(again.cues == document.cues, "cues survive being written")
        } catch {
            precondition(!error.message.isEmpty, "an error says something")
        }
    }
    return 0
}
