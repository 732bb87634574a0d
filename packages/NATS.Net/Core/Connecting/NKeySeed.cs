using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;

namespace NATS.Client.Core;

/// <summary>An nkey: an Ed25519 seed in base 32 with two prefix bytes and a CRC-16 (XMODEM), as the nkeys specification has it.</summary>
internal sealed class NKeySeed : IDisposable
{
    private const byte SeedPrefix = 18 << 3;
    private const int SeedLength = 32;
    private const string Alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

    private readonly Ed25519Key _key;
    private readonly byte _type;

    private NKeySeed(byte type, ReadOnlySpan<byte> seed)
    {
        _type = type;
        _key = new Ed25519Key(seed);
    }

    public string PublicKey
    {
        get
        {
            var bytes = new byte[1 + SeedLength + 2];
            bytes[0] = _type;
            _key.PublicKey().CopyTo(bytes, 1);
            var crc = Crc16(bytes.AsSpan(0, 1 + SeedLength));
            bytes[^2] = (byte)crc;
            bytes[^1] = (byte)(crc >> 8);
            return ToBase32(bytes);
        }
    }

    public static NKeySeed Parse(string text)
    {
        var bytes = FromBase32(text.Trim());
        try
        {
            if (bytes.Length != 2 + SeedLength + 2 || (bytes[0] & 0xF8) != SeedPrefix)
                throw new NatsException("Not an nkey seed");
            if (Crc16(bytes.AsSpan(0, 2 + SeedLength)) != (bytes[^2] | (bytes[^1] << 8)))
                throw new NatsException("An nkey seed with a wrong checksum");
            var type = (byte)(((bytes[0] & 0x07) << 5) | ((bytes[1] & 0xF8) >> 3));
            return new NKeySeed(type, bytes.AsSpan(2, SeedLength));
        }
        finally
        {
            CryptographicOperations.ZeroMemory(bytes);
        }
    }

    public string Sign(string nonce) => Base64Url.EncodeToString(_key.Sign(Encoding.ASCII.GetBytes(nonce)));

    public void Dispose() => _key.Dispose();

    private static int Crc16(ReadOnlySpan<byte> bytes)
    {
        var crc = 0;
        foreach (var b in bytes)
        {
            crc ^= b << 8;
            for (var bit = 0; bit < 8; bit++)
                crc = ((crc & 0x8000) != 0 ? (crc << 1) ^ 0x1021 : crc << 1) & 0xFFFF;
        }

        return crc;
    }

    private static string ToBase32(ReadOnlySpan<byte> bytes)
    {
        var text = new StringBuilder((bytes.Length * 8 / 5) + 1);
        int buffer = 0, bits = 0;
        foreach (var b in bytes)
        {
            buffer = (buffer << 8) | b;
            for (bits += 8; bits >= 5; bits -= 5)
                text.Append(Alphabet[(buffer >> (bits - 5)) & 31]);
            buffer &= 0xFF;
        }

        if (bits > 0)
            text.Append(Alphabet[(buffer << (5 - bits)) & 31]);
        return text.ToString();
    }

    private static byte[] FromBase32(string text)
    {
        var bytes = new byte[text.Length * 5 / 8];
        int buffer = 0, bits = 0, at = 0;
        foreach (var c in text)
        {
            var value = Alphabet.IndexOf(c, StringComparison.Ordinal);
            if (value < 0)
                throw new NatsException("Not an nkey seed");
            buffer = ((buffer << 5) | value) & 0xFFF;
            bits += 5;
            if (bits >= 8)
            {
                bits -= 8;
                bytes[at++] = (byte)(buffer >> bits);
            }
        }

        return bytes;
    }
}
