namespace PathLab;

/// <summary>What went by on one end.</summary>
internal readonly record struct Digest(long Bytes, string Hash);
