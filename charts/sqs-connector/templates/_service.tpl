{{/* "https://" alone is what the value holds elsewhere until somebody sets it. */}}
{{- define "connectors.sqs-connector.queueURL" -}}
{{- if has (default "" .Values.queueURL | trim) (list "" "https://" "http://") -}}
{{- fail "queueURL: the address of a queue is needed, such as https://sqs.eu-west-1.amazonaws.com/000000000000/orders" -}}
{{- end -}}
{{ .Values.queueURL }}
{{- end -}}

{{/* The region that a queue's address names, by the service's own rule (QueueAddress); empty if it names none. */}}
{{- define "connectors.sqs-connector.regionInHost" -}}
{{- $region := "[a-z]{2,4}(-[a-z]+)+-[0-9]+" -}}
{{- $host := lower (urlParse .).hostname -}}
{{- regexFind (printf `(^|\.)sqs(-fips)?\.%s(\.|$)|^%s\.queue\.` $region $region) $host | regexFind $region -}}
{{- end -}}

{{/*
KEDA asks where the service does: by what its pod is told, extraEnv included. As who, keda.authenticationRef says; the operator's own role counts only where
a trigger names it.
*/}}
{{- define "connectors.sqs-connector.kedaTriggers" -}}
{{- $env := dict -}}
{{- range include "connectors.allEnv" . | fromYamlArray }}{{ $_ := set $env .name (default "" .value) }}{{ end -}}
{{- range splitList "," (default (include "connectors.sqs-connector.queueURL" .) $env.queue_url) }}
{{- with trim . }}
- type: aws-sqs-queue
  metadata:
    queueURL: {{ . | quote }}
    awsRegion: {{ default (default $env.AWS_DEFAULT_REGION $env.AWS_REGION) (include "connectors.sqs-connector.regionInHost" .) | quote }}
    {{- with $env.AWS_ENDPOINT_URL_SQS }}
    awsEndpoint: {{ . | quote }}
    {{- end }}
    queueLength: {{ include "connectors.text" $.Values.keda.threshold | quote }}
    {{- with include "connectors.triggerAuthentication" $ }}
    {{- . | nindent 2 }}
    {{- else }}
    identityOwner: operator
    {{- end }}
{{- end }}
{{- end }}
{{- end -}}

{{- define "connectors.sqs-connector.strategy" -}}
{{- toYaml .Values.strategy -}}
{{- end -}}

{{- define "connectors.sqs-connector.env" -}}
- name: gateway_url
  value: {{ .Values.gatewayURL | quote }}
- name: basic_auth
  value: {{ .Values.basic_auth | quote }}
- name: secret_mount_path
  value: /var/secrets
- name: upstream_timeout
  value: {{ include "connectors.text" .Values.upstreamTimeout | quote }}
- name: rebuild_interval
  value: {{ include "connectors.text" .Values.rebuildInterval | quote }}
- name: asynchronous_invocation
  value: {{ .Values.asyncInvocation | quote }}
- name: content_type
  value: {{ .Values.contentType | quote }}
{{- with .Values.namespaces }}
- name: namespaces
  value: {{ join "," . | quote }}
{{- end }}
- name: print_request_body
  value: {{ .Values.printRequestBody | quote }}
- name: print_response
  value: {{ .Values.printResponse | quote }}
- name: print_response_body
  value: {{ .Values.printResponseBody | quote }}
- name: ack_on
  value: {{ .Values.ackOn | quote }}
- name: cloud_events
  value: {{ .Values.cloudEvents | quote }}
- name: max_inflight
  value: {{ include "connectors.text" .Values.maxInflight | quote }}
- name: on_failure
  value: {{ .Values.onFailure | quote }}
{{- with .Values.otlpEndpoint }}
- name: OTEL_EXPORTER_OTLP_ENDPOINT
  value: {{ . | quote }}
{{- end }}
- name: queue_url
  value: {{ include "connectors.sqs-connector.queueURL" . | quote }}
- name: AWS_DEFAULT_REGION
  value: {{ default .Values.awsDefaultRegion .Values.awsRegion | quote }}
{{- with .Values.awsRegion }}
- name: AWS_REGION
  value: {{ . | quote }}
{{- end }}
{{- with .Values.awsCredentialsSecret }}
- name: AWS_SHARED_CREDENTIALS_FILE
  value: {{ printf "/var/secrets/aws-credentials/%s" . | quote }}
{{- end }}
- name: visibility_timeout
  value: {{ include "connectors.text" .Values.visibilityTimeout | quote }}
- name: wait_time
  value: {{ include "connectors.text" .Values.waitTime | quote }}
- name: max_messages
  value: {{ include "connectors.text" .Values.maxMessages | quote }}
- name: visibility_renewal
  value: {{ include "connectors.text" .Values.visibilityRenewal | quote }}
- name: depth_interval
  value: {{ include "connectors.text" .Values.depthInterval | quote }}
{{- end -}}

{{- define "connectors.sqs-connector.volumeMounts" -}}
- name: secrets
  mountPath: /var/secrets
  readOnly: true
{{- end -}}

{{- define "connectors.sqs-connector.volumes" -}}
- name: secrets
  projected:
    sources:
      {{- if .Values.basic_auth }}
      - secret:
          name: {{ required "basicAuthSecret: the name of a secret is needed with basic_auth" .Values.basicAuthSecret | quote }}
      {{- end }}
      {{- with .Values.awsCredentialsSecret }}
      - secret:
          name: {{ . | quote }}
          items:
            - key: {{ . | quote }}
              path: {{ printf "aws-credentials/%s" . | quote }}
      {{- end }}
{{- end -}}
