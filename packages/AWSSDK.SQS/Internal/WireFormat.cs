using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using Amazon.SQS.Model;

namespace Amazon.SQS.Internal;

/// <summary>How the model's types look in JSON: the members' own names, null left out, binary values in base64.</summary>
internal static class WireFormat
{
    public static JsonSerializerOptions Options { get; } = new()
    {
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        Converters = { new Base64Stream() },
        TypeInfoResolver = new DefaultJsonTypeInfoResolver { Modifiers = { KeepWireMembers } },
    };

    private static void KeepWireMembers(JsonTypeInfo type)
    {
        if (type.Kind != JsonTypeInfoKind.Object || type.Type.Assembly != typeof(WireFormat).Assembly)
        {
            return;
        }

        for (var i = type.Properties.Count - 1; i >= 0; i--)
        {
            var declaring = (type.Properties[i].AttributeProvider as System.Reflection.MemberInfo)?.DeclaringType;
            if (declaring != type.Type)
            {
                type.Properties.RemoveAt(i);
            }
            else if (type.Type == typeof(CreateQueueRequest) && type.Properties[i].Name == nameof(CreateQueueRequest.Tags))
            {
                // The one member that the service spells in lower case.
                type.Properties[i].Name = "tags";
            }
        }
    }

    private sealed class Base64Stream : JsonConverter<MemoryStream>
    {
        public override MemoryStream Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) => new(reader.GetBytesFromBase64());

        public override void Write(Utf8JsonWriter writer, MemoryStream value, JsonSerializerOptions options) => writer.WriteBase64StringValue(value.ToArray());
    }
}
