using System.Text.Json.Nodes;

namespace Connectors.Cli.Api;

/// <summary>An answer's body, byte for byte: in a file if one was named, else here.</summary>
internal sealed record AnswerBody(byte[] Bytes, string? File, long Length)
{
    public static async Task<AnswerBody> TakeAsync(HttpResponseMessage answer, string? file, CancellationToken ct)
    {
        if (file is null)
        {
            using var bytes = new MemoryStream();
            await CopyAsync(answer, bytes, "standard output", ct);
            return new AnswerBody(bytes.ToArray(), null, bytes.Length);
        }

        await using var stream = new FileStream(file, FileMode.Create, FileAccess.Write);
        return new AnswerBody([], file, await CopyAsync(answer, stream, file, ct));
    }

    /// <summary>Streams it on; returns how many bytes that were.</summary>
    public static async Task<long> CopyAsync(HttpResponseMessage answer, Stream target, string name, CancellationToken ct)
    {
        var length = 0L;
        try
        {
            await using var source = await answer.Content.ReadAsStreamAsync(ct);
            var buffer = new byte[81920];
            for (int read; (read = await source.ReadAsync(buffer, ct).AsTask().WaitAsync(GatewayClient.Patience, TimeProvider.System, ct)) > 0; length += read)
            {
                await target.WriteAsync(buffer.AsMemory(0, read), ct);
            }

            await target.FlushAsync(ct);
            return length;
        }
        catch (Exception fault) when (fault is HttpIOException or TimeoutException)
        {
            throw new CommandFailure($"The gateway broke off after {length} bytes: what is in {name} is not all of it.");
        }
    }

    /// <summary>As <c>bodyBase64</c>, unless it is in a file.</summary>
    public JsonObject AddTo(JsonObject json)
    {
        json["size"] = Length;
        if (File is null)
        {
            json["bodyBase64"] = Convert.ToBase64String(Bytes);
        }

        return json;
    }
}
