using System.Runtime.InteropServices;

namespace NATS.Client.Core;

/// <summary>Ed25519 by OpenSSL 3; .NET 10 has no such type. Used for one signature at each connect.</summary>
internal sealed unsafe partial class Ed25519Key : IDisposable
{
    private const string Library = "libcrypto.so.3";

    /// <summary>EVP_PKEY_ED25519.</summary>
    private const int Ed25519 = 1087;

    private const int SignatureLength = 64;
    private const int PublicKeyLength = 32;

    private nint _key;

    public Ed25519Key(ReadOnlySpan<byte> seed)
    {
        fixed (byte* bytes = seed)
            _key = NewRawPrivateKey(Ed25519, 0, bytes, (nuint)seed.Length);
        if (_key == 0)
            throw new NatsException("OpenSSL refused the key");
    }

    public byte[] PublicKey()
    {
        var bytes = new byte[PublicKeyLength];
        nuint length = PublicKeyLength;
        fixed (byte* output = bytes)
            Check(GetRawPublicKey(_key, output, &length));
        return bytes;
    }

    public byte[] Sign(ReadOnlySpan<byte> data)
    {
        var context = NewContext();
        try
        {
            var signature = new byte[SignatureLength];
            nuint length = SignatureLength;
            Check(SignInit(context, 0, 0, 0, _key));
            fixed (byte* output = signature, input = data)
                Check(DigestSign(context, output, &length, input, (nuint)data.Length));
            return signature;
        }
        finally
        {
            FreeContext(context);
        }
    }

    public void Dispose()
    {
        FreeKey(_key);
        _key = 0;
    }

    private static void Check(int result)
    {
        if (result != 1)
            throw new NatsException("OpenSSL could not sign");
    }

    [LibraryImport(Library, EntryPoint = "EVP_PKEY_new_raw_private_key")]
    private static partial nint NewRawPrivateKey(int type, nint engine, byte* key, nuint length);

    [LibraryImport(Library, EntryPoint = "EVP_PKEY_get_raw_public_key")]
    private static partial int GetRawPublicKey(nint key, byte* output, nuint* length);

    [LibraryImport(Library, EntryPoint = "EVP_PKEY_free")]
    private static partial void FreeKey(nint key);

    [LibraryImport(Library, EntryPoint = "EVP_MD_CTX_new")]
    private static partial nint NewContext();

    [LibraryImport(Library, EntryPoint = "EVP_MD_CTX_free")]
    private static partial void FreeContext(nint context);

    [LibraryImport(Library, EntryPoint = "EVP_DigestSignInit")]
    private static partial int SignInit(nint context, nint keyContext, nint digest, nint engine, nint key);

    [LibraryImport(Library, EntryPoint = "EVP_DigestSign")]
    private static partial int DigestSign(nint context, byte* signature, nuint* signatureLength, byte* data, nuint length);
}
