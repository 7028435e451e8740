import Postgres

extension CatalogStore {
    /// A title's pictures in more than one size, for screens with more samples to a point.
    static let picturesMigration = Migration(
        number: 5, name: "pictures for dense screens",
        sql: """
            -- JSON: [{"key", "width", "height"}], the smallest first; poster_key is among them. Empty for titles that
            -- were published before.
            ALTER TABLE title ADD COLUMN posters text NOT NULL DEFAULT '[]';
            -- The seek bar's pictures in twice the size, where the film has them.
            ALTER TABLE title ADD COLUMN dense_thumbnails_key text;
            """)
}
