using Connectors.Sdk.Hosting;
using Connectors.Streams.Records;

namespace Connectors.Gateway.Enqueueing;

/// <summary>How long a caller may ask to have its result kept.</summary>
internal static class ResultAge
{
    /// <summary>Null for not asked for; a refusal for what is no such time.</summary>
    public static Refusal? Read(HttpRequest request, TimeSpan max, out TimeSpan? age)
    {
        age = null;
        var given = request.Headers[CallHeaders.StoreResult];
        if (given.Count == 0)
        {
            return null;
        }

        if (given.Count == 1 && GoDuration.TryParse(given[0], out var asked) && asked > TimeSpan.Zero && asked <= max)
        {
            age = asked;
            return null;
        }

        return new Refusal(StatusCodes.Status400BadRequest, $"{CallHeaders.StoreResult}: a duration, as 90s or 10m, above 0 and up to {GoDuration.Format(max)} (result_max_age).");
    }
}
