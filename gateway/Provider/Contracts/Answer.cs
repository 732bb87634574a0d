using System.Text;
using System.Text.Json.Serialization.Metadata;
using Connectors.Sdk.Invocation;

namespace Connectors.Provider.Contracts;

/// <summary>Answers that the gateway makes itself: errors are one line of plain text, as OpenFaaS's clients expect.</summary>
public static class Answer
{
    /// <summary>Under this key of a request's items stands what the gateway answered in words; nothing if a function answered.</summary>
    public const string Reason = "reason";

    public static Task TextAsync(HttpContext http, int status, string text)
    {
        http.Items[Reason] = text;
        http.Response.StatusCode = status;
        if (status >= StatusCodes.Status500InternalServerError && http.Response.Headers[WellKnownHeaders.CallId].Count == 0)
        {
            // By its id the log's line is found, of what is no call too.
            http.Response.Headers[WellKnownHeaders.CallId] = Guid.NewGuid().ToString();
        }

        http.Response.ContentType = "text/plain; charset=utf-8";
        var bytes = Encoding.UTF8.GetBytes(text);
        http.Response.ContentLength = bytes.Length;

        // In capitals, as the server knows it: a verb in other letters is answered with a body.
        return http.Request.Method == HttpMethods.Head ? Task.CompletedTask : http.Response.Body.WriteAsync(bytes).AsTask();
    }

    /// <summary>Says of an answer, before it begins, that each part of it is news: nobody on its way keeps it, or keeps it back until there is more (nginx does, unless told).</summary>
    public static void AsItComes(HttpContext http)
    {
        http.Response.Headers.CacheControl = "no-store";
        http.Response.Headers["X-Accel-Buffering"] = "no";
    }

    /// <summary>Whether that was said of it.</summary>
    public static bool IsAsItComes(HttpContext http) => http.Response.Headers["X-Accel-Buffering"] == "no";

    public static Task JsonAsync<T>(HttpContext http, int status, T value, JsonTypeInfo<T> type)
    {
        http.Response.StatusCode = status;
        return http.Response.WriteAsJsonAsync(value, type);
    }
}
