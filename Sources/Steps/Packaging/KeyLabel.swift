/// What a content key protects: sound, or pictures of a size, so that a licence can leave out the larger ones.
public enum KeyLabel: String, Sendable, Hashable, CaseIterable {
    case audio
    /// Pictures of any size that no other key is for.
    case video
    /// Up to 1024 by 576 pixels, upright or not.
    case sd
    /// Up to 1920 by 1088 pixels, upright or not.
    case hd
    /// Larger ones.
    case uhd

    /// The label of pictures of a size in pixels: `sd`, `hd` or `uhd`.
    public init(width: Int, height: Int) {
        let (long, short) = (max(width, height), min(width, height))
        if long <= 1024 && short <= 576 {
            self = .sd
        } else if long <= 1920 && short <= 1088 {
            self = .hd
        } else {
            self = .uhd
        }
    }
}
