using System.Text;
using System.Text.Json.Serialization.Metadata;

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
        http.Response.ContentType = "text/plain; charset=utf-8";
        var bytes = Encoding.UTF8.GetBytes(text);
        http.Response.ContentLength = bytes.Length;
        return HttpMethods.IsHead(http.Request.Method) ? Task.CompletedTask : http.Response.Body.WriteAsync(bytes).AsTask();
    }

    public static Task JsonAsync<T>(HttpContext http, int status, T value, JsonTypeInfo<T> type)
    {
        http.Response.StatusCode = status;
        return http.Response.WriteAsJsonAsync(value, type);
    }
}
