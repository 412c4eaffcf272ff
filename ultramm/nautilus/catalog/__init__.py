"""The Nautilus Parquet catalog: written all or nothing, read in bounded memory, checked."""
